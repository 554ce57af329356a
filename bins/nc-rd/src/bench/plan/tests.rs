#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

fn open(text: &str, data: &[(&str, &Path)]) -> Result<Plan> {
    open_some(text, data, &[])
}

fn open_some(text: &str, data: &[(&str, &Path)], named: &[String]) -> Result<Plan> {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "a/1.png",
        "a/2.png",
        "a/b [c]/3.png",
        "s/x.wav",
        "r/t.csv",
        "r/l.csv",
    ] {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let path = dir.path().join("plan.toml");
    std::fs::write(&path, text).unwrap();
    let data = data
        .iter()
        .map(|(n, p)| (n.to_string(), dir.path().join(p)));
    Plan::open(&path, &[], &data.collect(), named)
}

const SHORT: &str = "name = 'x'\n[[dataset]]\nname = 'p'\nkind = 'image'\nfolder = 'a'\n";

#[test]
fn a_short_plan_takes_all_codecs_of_its_kinds() {
    let plan = open(SHORT, &[]).unwrap();
    let inputs = &plan.datasets[0].inputs;
    let names: Vec<_> = inputs.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(names, ["1.png", "2.png", "b [c]/3.png"]);
    let used = |name: &str| {
        plan.tasks
            .iter()
            .filter(|t| plan.codecs[t.codec].name == name)
            .count()
    };
    assert_eq!(
        (used("WebP"), used("zstd"), used("x264"), used("nc circuit")),
        (5, 1, 0, 0)
    );
}

#[test]
fn runs_say_settings_and_data_sets() {
    let text = format!(
        "{SHORT}limit = 1\n[[dataset]]\nname = 'q'\nkind = 'image'\ndata = 'other'\nfiles = ['b*/*.png']\n\
         [[run]]\ncodec = 'WebP'\nsettings = ['1', '2', '1']\ndatasets = ['q']\n\
         [[run]]\ncodecs = ['WebP', 'zstd']\nsettings = ['2']\n"
    );
    let other = [("other", Path::new("a"))];
    let plan = open(&text, &other).unwrap();
    let tasks: Vec<_> = plan
        .tasks
        .iter()
        .map(|t| {
            (
                t.dataset,
                plan.codecs[t.codec].name.as_str(),
                t.setting.as_str(),
            )
        })
        .collect();
    assert_eq!(
        tasks,
        [
            (1, "WebP", "1"),
            (1, "WebP", "2"),
            (0, "WebP", "2"),
            (0, "zstd", "2"),
            (1, "zstd", "2")
        ]
    );
    assert_eq!(plan.datasets[0].inputs.len(), 1);
    assert_eq!(plan.datasets[1].inputs[0].0, "b [c]/3.png");
    assert!(open_some(&text, &other, &["no such set".into()]).is_err());
    // What is not asked for need not be there.
    let gone = text.replacen("folder = 'a'", "folder = 'gone'", 1);
    assert!(open(&gone, &other).is_err());
    let plan = open_some(&gone, &other, &["q".into()]).unwrap();
    assert_eq!((plan.datasets.len(), plan.tasks.len()), (1, 3));
    assert!(plan.tasks.iter().all(|t| t.dataset == 0));
}

#[test]
fn records_have_a_file_to_learn_from() {
    let text = "name = 'x'\n[[dataset]]\nname = 'r'\nkind = 'records'\nfiles = ['t.csv']\n";
    let plan = open(&format!("{text}folder = 'r'\ntrain = 'l.csv'"), &[]).unwrap();
    assert!(
        plan.datasets[0]
            .train
            .as_ref()
            .unwrap()
            .ends_with("r/l.csv")
    );
    assert!(
        plan.tasks
            .iter()
            .any(|t| plan.codecs[t.codec].name == "nc circuit")
    );
    let why = |text: &str| format!("{:#}", open(text, &[]).unwrap_err());
    let none = why(&format!(
        "{text}folder = 'r'\n[[run]]\ncodec = 'nc circuit'"
    ));
    assert!(none.contains("train"), "{none}");
    let same = why(&format!("{text}folder = 'r'\ntrain = 't.csv'"));
    assert!(same.contains("among the inputs"), "{same}");
}

#[test]
fn what_is_wrong_is_named_with_the_file() {
    for (more, what) in [
        ("colour = 1", "colour"),
        ("files = ['*.jpg']", "no *.jpg in"),
        ("files = ['[']", "files: \"[\""),
        ("seconds = 3.0", "Audio only"),
        ("limit = 0", "above 0"),
        ("[[run]]\ncodec = 'WebPP'", "no codec \"WebPP\""),
        ("[[run]]\ncodec = 'x264'", "codes none"),
        ("[[run]]\ndatasets = ['kodak']", "no data set \"kodak\""),
        ("[[run]]\nsetings = ['1']", "setings"),
        ("[[dataset]]\nname = 'p'\nkind = 'image'", "one name"),
        ("[[dataset]]\nname = 'z'\nkind = 'smell'", "smell"),
        ("[[codec]]\nname = 'c'", "missing field"),
    ] {
        let why = format!("{:#}", open(&format!("{SHORT}{more}\n"), &[]).unwrap_err());
        assert!(
            why.contains(what) && why.contains("plan.toml"),
            "{more}: {why}"
        );
    }
    let why = format!("{:#}", open(SHORT, &[("q", Path::new("a"))]).unwrap_err());
    assert!(why.contains("--data q"), "{why}");
    assert!(open("name = 'x'", &[]).is_err() && open("", &[]).is_err());
    assert!(Plan::open(Path::new("/no/such.toml"), &[], &BTreeMap::new(), &[]).is_err());
}

#[test]
fn two_codecs_of_one_name_on_one_data_set_are_refused() {
    let codec = "[[codec]]\nname = 'WebP'\nkind = 'bytes'\nprograms = ['cp']\nextension = 'x'\n\
        encode = 'cp {in} {out}'\ndecode = 'cp {in} {out}'\n";
    let why = format!("{:#}", open(&format!("{SHORT}{codec}"), &[]).unwrap_err());
    assert!(why.contains("two codecs are named \"WebP\""), "{why}");
    // Elsewhere the name is free.
    let records = "name = 'x'\n[[dataset]]\nname = 'r'\nkind = 'records'\nfolder = 'r'\n";
    assert!(open(&format!("{records}{codec}"), &[]).is_ok());
    let why = format!(
        "{:#}",
        open(&format!("{SHORT}{codec}{codec}"), &[]).unwrap_err()
    );
    assert!(why.contains("of kind Bytes are named"), "{why}");
}

#[test]
fn every_pattern_and_name_counts() {
    use std::os::unix::ffi::OsStrExt as _;
    let why = |text: &str| format!("{:#}", open(text, &[]).unwrap_err());
    let one = why(&format!("{SHORT}files = ['*.png', '*.ppm']"));
    assert!(one.contains("no *.ppm in"), "{one}");
    let dir = tempfile::tempdir().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.png");
    std::fs::create_dir(dir.path().join("sub")).unwrap();
    std::fs::write(dir.path().join("a.png"), "").unwrap();
    std::fs::write(dir.path().join("sub").join(name), "").unwrap();
    assert_eq!(matching(dir.path(), "*.png").unwrap().len(), 1);
    assert_eq!(matching(dir.path(), "**/*.jpg").unwrap().len(), 0);
    for pattern in ["**/*.png", "sub/*.png"] {
        let why = matching(dir.path(), pattern).unwrap_err().to_string();
        assert!(why.contains("no UTF-8"), "{why}");
    }
}

#[test]
fn variants_are_codecs_with_other_options() {
    let codec = "[[codec]]\nname = 'c'\nkind = 'image'\nprograms = ['cp']\nextension = 'x'\ninput = 'png'\n\
        encode = 'cp {how} {in} {out}'\ndecode = 'cp {in} {out}'\noptions = { how = '' }\n";
    let run = "[[run]]\ncodec = 'c'\noptions = { how = '-p {setting}' }\nvariant = [{ name = 'p' }, \
        { name = 'f', options = { how = '-f' } }]\n";
    let plan = open(&format!("{SHORT}{codec}{run}"), &[]).unwrap();
    let tasks = plan.tasks.iter().map(|t| &plan.codecs[t.codec]);
    let commands: Vec<(String, String)> =
        tasks.map(|c| (c.name.clone(), c.encode.text())).collect();
    let of = |name: &str, text: &str| (name.to_string(), text.to_string());
    assert_eq!(
        commands,
        [
            of("p", "cp -p {setting} {in} {out}"),
            of("f", "cp -f {in} {out}")
        ]
    );
    // A run of all codecs is of none of them.
    let plan = open(&format!("{SHORT}{codec}{run}[[run]]\ncodecs = []\n"), &[]).unwrap();
    let of_name = |name: &str| {
        let all = plan
            .tasks
            .iter()
            .filter(|t| plan.codecs[t.codec].name == name);
        all.count()
    };
    assert_eq!((of_name("p"), of_name("f"), of_name("c")), (1, 1, 1));
    for (run, what) in [
        ("codec = 'c'\noptions = { how = '-f' }", "has no name"),
        ("codec = 'c'\nname = 'n'\noptions = { hwo = '-f' }", "hwo"),
        (
            "codec = 'c'\nname = 'n'\noptions = { how = '{no}' }",
            "unknown {no}",
        ),
        (
            "codec = 'c'\nname = 'WebP'\noptions = { how = '-f' }",
            "are named \"WebP\"",
        ),
        (
            "codec = 'c'\nname = 'n'\nvariant = [{ name = 'p' }]",
            "its own name",
        ),
        ("codecs = ['c', 'zstd']\nname = 'n'", "one codec"),
    ] {
        let text = format!("{SHORT}{codec}[[run]]\n{run}\n");
        let why = format!("{:#}", open(&text, &[]).unwrap_err());
        assert!(why.contains(what), "{run}: {why}");
    }
}

#[test]
fn a_table_that_is_split_teaches_and_is_measured() {
    let text =
        "name = 'x'\n[[dataset]]\nname = 'r'\nkind = 'records'\nfolder = 'r'\nfiles = ['t.csv']\n";
    let plan = open(&format!("{text}split = 5"), &[]).unwrap();
    let named = |t: &Task| plan.codecs[t.codec].name == "nc circuit";
    assert!(plan.tasks.iter().any(named));
    let why = |more: &str| format!("{:#}", open(&format!("{text}{more}"), &[]).unwrap_err());
    assert!(why("split = 1").contains("above 1"));
    assert!(why("split = 5\ntrain = 'l.csv'").contains("instead of train"));
    let two = text.replace("'t.csv'", "'*.csv'");
    let why = format!("{:#}", open(&format!("{two}split = 5"), &[]).unwrap_err());
    assert!(why.contains("of one file"), "{why}");
}
