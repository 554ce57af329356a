#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn rows_come_back_and_a_dictionary_pays() {
    let table = |from: usize, to: usize| -> Vec<u8> {
        let row = |i: usize| format!("{i},{},kilogram,\"a, b\"\n", ["red", "green"][i % 2]);
        let rows: String = (from..to).map(row).collect();
        format!("number,colour,unit,text\n{rows}").into_bytes()
    };
    let (learnt, measured) = (table(0, 2000), table(2000, 2400));
    let dictionary = learn(&learnt, 4096).unwrap();
    let coded = encode(&measured, &dictionary).unwrap();
    assert!(coded.len() < measured.len() * 3 / 4, "{}", coded.len());
    assert_eq!(decode(&coded, &dictionary).unwrap(), measured);
    assert!(decode(&coded[..coded.len() - 1], &dictionary).is_err());
    assert!(learn(b"a,b\n1,2\n", 4096).is_err() && encode(b"a,b", &dictionary).is_err());
}
