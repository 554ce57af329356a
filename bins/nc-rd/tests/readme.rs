//! The README's tables are those of the committed results.
use std::path::Path;

#[test]
fn tables_of_the_readme_are_those_of_the_results() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let columns = "codec,setting,bpd,bytes,model_bytes,encode_s,decode_s";
    for (name, how) in [
        (
            "video",
            ["--dataset", "basketballpass,bunny", "--bd", "x264"],
        ),
        ("images", ["--dataset", "kodak-four", "--bd", "WebP"]),
        ("mnist", ["--dataset", "mnist", "--columns", columns]),
    ] {
        assert_cmd::Command::new(env!("CARGO_BIN_EXE_nc-rd"))
            .current_dir(&root)
            .args(["table", "benches/results/field.json", "--check"])
            .args(["--into", "README.md", "--name", name])
            .args(how)
            .assert()
            .success();
    }
}
