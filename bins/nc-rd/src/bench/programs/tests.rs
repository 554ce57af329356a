#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::super::codec::built_in;
use super::*;

#[test]
fn versions_are_found() {
    let x264 = "\0\u{1}x264 - core 164 r3108 31e19f9 - H.264/MPEG-4 AVC codec";
    assert_eq!(
        version(x264, "x264 - core ", Some(" - ")),
        "x264 - core 164 r3108 31e19f9"
    );
    let svt = "Svt[info]: SVT [version]:\tSVT-AV1 Encoder Lib v1.4.1\nSvt";
    assert_eq!(
        version(svt, "SVT-AV1 Encoder Lib ", None),
        "SVT-AV1 Encoder Lib v1.4.1"
    );
    assert_eq!(version("\n\nflac 1.4\nmore", "", None), "flac 1.4");
    assert_eq!(
        version("ffmpeg 5 Copyright", "", Some(" Copyright")),
        "ffmpeg 5"
    );
    assert_eq!(
        (version("", "", None), version("a", "b", None)),
        (String::new(), String::new())
    );
}

#[test]
fn the_size_of_a_model_is_read_from_its_line() {
    let model = built_in().unwrap().into_iter().find_map(|c| c.built_in);
    let model = model.unwrap();
    let said = "{\"bytes\":7,\"codec\":\"other\"}\n{\"bytes\":12,\"codec\":\"grvq\"}\n";
    assert_eq!(model.bytes(said), Some(12));
    assert_eq!(model.bytes("{\"codec\":\"grvq\"}"), None);
}

#[test]
fn files_that_commands_name_are_known() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("enc.py");
    std::fs::write(&script, "1").unwrap();
    let mut codec = built_in().unwrap().remove(0);
    codec.programs = vec!["sh".into()];
    (codec.needs, codec.version, codec.built_in) = (None, None, None);
    codec.encode = Steps::One("sh enc.py {in} e {out}".into());
    codec.decode = Steps::One(format!("sh {} {{in}} {{out}}", script.display()));
    let find = |codec: &Codec| Ready::find(codec, &BTreeMap::new()).unwrap();
    // Without a folder of its own only what is absolute counts.
    let built_in = find(&codec);
    assert_eq!(built_in.hashes.len(), 2);
    codec.folder = dir.path().to_path_buf();
    let one = find(&codec);
    let words = one.words(
        codec.encode.text().as_str(),
        &[("in", "enc.py"), ("out", "o")],
    );
    assert_eq!(words[1..], [&script.to_string_lossy(), "enc.py", "e", "o"]);
    assert_eq!(one.fingerprint(), find(&codec).fingerprint());
    std::fs::write(&script, "2").unwrap();
    assert_ne!(one.fingerprint(), find(&codec).fingerprint());
}

#[test]
fn a_failed_question_gives_no_version() {
    let mut codec = built_in().unwrap().remove(0);
    codec.programs = vec!["ls".into()];
    (codec.needs, codec.built_in) = (None, None);
    codec.version = Some("ls --no-such-option".into());
    let ready = Ready::find(&codec, &BTreeMap::new()).unwrap();
    assert_eq!(ready.version, "");
}

#[test]
fn a_missing_program_or_encoder_is_said() {
    let mut codec = built_in().unwrap().remove(0);
    codec.programs = vec!["no-such-program-here".into()];
    let why = Ready::find(&codec, &BTreeMap::new()).unwrap_err();
    assert!(format!("{why:#}").contains("no-such-program-here"));
    // Netcat, or anything else of that name, is not nc.
    codec.programs = vec!["nc".into()];
    let other = BTreeMap::from([("nc".into(), PathBuf::from("/bin/true"))]);
    let why = Ready::find(&codec, &other).unwrap_err();
    assert!(format!("{why:#}").contains("does not say"), "{why:#}");
}
