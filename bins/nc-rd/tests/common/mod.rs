//! The built program, what it says, and the JSON that it writes.

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

pub fn nc_rd(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nc-rd"));
    command.args(args);
    command
}

pub fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let out = command.output().unwrap();
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    (out.status.code(), text(out.stdout), text(out.stderr))
}

pub fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
