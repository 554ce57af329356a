//! The tables of `docs/results.md` are those of the committed results.

#[test]
fn tables_of_the_document_are_those_of_the_results() {
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/tables");
    assert_cmd::Command::new(script)
        .arg("--check")
        .env("NC_RD", env!("CARGO_BIN_EXE_nc-rd"))
        .assert()
        .success();
}
