#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn a_table_becomes_typed_columns() {
    assert_eq!(cells("1,\"a, \"\"b\"\"\",,x"), ["1", "a, \"b\"", "", "x"]);
    let rows = (0..100).map(|i| format!("{i},{}.5,w {}\n", i * 3, i % 4));
    let table = format!("a,b,c\n{}", rows.collect::<String>());
    let file = encode(table.as_bytes()).unwrap();
    assert!((300..4000).contains(&file.len()), "{}", file.len());
    assert_eq!(String::from_utf8(decode(&file).unwrap()).unwrap(), table);
    assert!(encode(table.replace("a,b,c", "a,b").as_bytes()).is_err());
    let missing = encode(b"a,b\n1,x\nNA,\"y, z\"\n").unwrap();
    assert_eq!(decode(&missing).unwrap(), b"a,b\n1,x\n,\"y, z\"\n");
}
