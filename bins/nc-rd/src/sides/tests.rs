#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn three_of_many_are_shown() {
    let shown = |sizes: &[u64]| -> Vec<u64> {
        let row = |&bytes: &u64| Row {
            bytes: Some(bytes),
            ..Row::default()
        };
        let rows: Vec<Row> = sizes.iter().map(row).collect();
        let chosen = chosen(rows.iter().collect());
        chosen.iter().filter_map(|r| r.bytes).collect()
    };
    assert_eq!(shown(&[]), [0; 0]);
    assert_eq!(shown(&[5]), [5]);
    assert_eq!(shown(&[5, 1]), [1, 5]);
    assert_eq!(shown(&[3, 2, 1]), [1, 2, 3]);
    assert_eq!(shown(&[1, 2, 3, 4, 5]), [1, 3, 5]);
}

#[test]
fn pictures_stand_two_in_a_row() {
    let picture = RgbImage::from_pixel(30, 20, image::Rgb([9, 8, 7]));
    let panels = vec![("a".to_string(), picture); 3];
    let png = draw(&panels, Some("by someone")).unwrap();
    let out = image::load_from_memory(&png).unwrap().to_rgb8();
    assert_eq!(out.dimensions(), (2 * 400 + 6, 2 * 44 + 24));
    assert_eq!(out.get_pixel(406 + 15, 24 + 10).0, [9, 8, 7]);
    assert_eq!(out.get_pixel(15, 44 + 24 + 10).0, [9, 8, 7]);
}
