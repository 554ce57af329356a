use super::*;

#[test]
fn numbers_are_as_a_reader_has_them() {
    let shown: Vec<_> = [
        0.0,
        0.012345,
        1.0,
        12.34,
        123.4,
        1234.5,
        1e6,
        -4.56,
        f64::NAN,
    ]
    .map(three)
    .into();
    assert_eq!(
        shown,
        [
            "0",
            "0.0123",
            "1.00",
            "12.3",
            "123",
            "1,234",
            "1,000,000",
            "−4.56",
            "n/a"
        ]
    );
    assert_eq!(
        [signed(-12.34, 1), signed(0.02, 1), signed(-0.02, 1)],
        ["−12.3", "0.0", "0.0"]
    );
    assert_eq!(whole(1_234_567), "1,234,567");
}

#[test]
fn a_figure_has_a_title_and_a_stranger_keeps_its_key() {
    assert_eq!(figure("psnr-rgb").title(), "PSNR RGB (dB)");
    assert!(!figure("log-mel").up);
    assert_eq!(figure("new").title(), "new");
}
