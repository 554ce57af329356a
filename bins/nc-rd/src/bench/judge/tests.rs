#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

#[test]
fn dimensions_of_records() {
    let mut idx = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4];
    idx.resize(16 + 24, 7);
    assert_eq!(shape(&idx, None), (Some(2), 24));
    assert_eq!(shape(b"a,b\n1,2\n3,4\n5,6\n", None), (Some(3), 6));
    assert_eq!(shape(b"\x00\x01raw", None), (None, 5));
    assert_eq!(shape(b"12345678", Some(3)), (None, 5));
    // A header that claims more than there is is none.
    assert_eq!(shape(&[0, 0, 8, 1, 0, 1, 0, 0, 9], None), (None, 9));
    let r = rates(&Media::Bytes(idx), 12, None);
    assert_eq!((r["bpd"], r["bytes_per_record"]), (4.0, 6.0));
}

#[test]
fn sizes_are_told_apart() {
    let sound = |n| Media::Audio(vec![0.1; n]);
    assert!(same(&sound(8000), &sound(8000)).unwrap());
    assert!(!same(&sound(8000), &sound(8320)).unwrap());
    assert!(same(&sound(8000), &sound(800)).is_err());
    let picture = |w| Media::Image(image::RgbImage::new(w, 2));
    assert!(same(&picture(3), &picture(3)).unwrap());
    assert!(same(&picture(3), &picture(2)).is_err());
    assert!(same(&picture(3), &sound(3)).is_err());
    assert!((rates(&picture(4), 3, None)["bpsp"] - 1.0).abs() < 1e-12);
    assert!((rates(&sound(16_000), 375, None)["kbps"] - 3.0).abs() < 1e-12);
}
