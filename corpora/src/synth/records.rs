//! Records: tables whose columns depend on each other, and strokes of digits.

use super::Rng;

/// Towns, their region and how far prices there are from the mean, in percent.
const TOWNS: [(&str, &str, i64); 12] = [
    ("Hamburg", "north", 8),
    ("Kiel", "north", -3),
    ("Bremen", "north", 1),
    ("Berlin", "east", 6),
    ("Dresden", "east", -6),
    ("Rostock", "east", -9),
    ("Munich", "south", 18),
    ("Ulm", "south", 2),
    ("Freiburg", "south", 9),
    ("Cologne", "west", 5),
    ("Bonn", "west", 3),
    ("Essen", "west", -8),
];

/// Goods, their price in cents, and the most that one buys at once.
const GOODS: [(&str, i64, u64); 9] = [
    ("apples", 289, 8),
    ("bread", 415, 3),
    ("coffee", 1_249, 2),
    ("kettle", 3_990, 1),
    ("lamp", 5_450, 2),
    ("paper", 620, 12),
    ("pens", 310, 10),
    ("soap", 195, 6),
    ("tea", 780, 4),
];

/// Days of the months of a year that is no leap year.
const MONTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// A table of sales as CSV with a header: words, integers, decimals, dates, and cells that are missing.
///
/// Columns tell of each other, as those of real tables do: `region` follows from `town`, `total` is
/// `quantity` times `price`, the price follows the goods and the town, the temperature the date, and
/// ratings are missing more often where little was bought. Rows are in the order of their dates.
pub fn table(seed: u64, rows: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed ^ 0x0007_AB1E);
    let mut out =
        String::from("id,date,town,region,goods,quantity,price,total,temperature,rating,card\n");
    let (mut day, mut year) = (0, 2021);
    let mut weather = 0.0;
    for id in 0..rows {
        // About forty sales a day.
        if rng.uniform() < 0.025 {
            day += 1;
            weather = 0.8 * weather + 1.5 * rng.bell();
            if day == 365 {
                (day, year) = (0, year + 1);
            }
        }
        let (month, date) = calendar(day);
        let (town, region, level) = TOWNS[skewed(&mut rng, TOWNS.len())];
        let (goods, base, most) = GOODS[skewed(&mut rng, GOODS.len())];
        let quantity = 1 + (rng.uniform() * rng.uniform() * most as f64) as i64;
        // Whole steps of five cents, now and then on offer.
        let offer = if rng.uniform() < 0.1 { 80 } else { 100 };
        let price = base * (100 + level) / 100 * offer / 100 / 5 * 5;
        let total = quantity * price;
        // Coldest in the middle of January, as a parabola from there to July.
        let half = (f64::from(day) - 197.0) / 182.5;
        let tenths = ((19.0 - 18.0 * half * half + weather) * 10.0).round() as i64;
        let rating = if rng.uniform() < 0.7 / quantity as f64 {
            String::new()
        } else {
            (5 - (3.0 * rng.uniform() * rng.uniform() + 0.004 * f64::from(level as i32)) as i64)
                .to_string()
        };
        let card = if total > 2_000 || rng.uniform() < 0.35 {
            "yes"
        } else {
            "no"
        };
        let cents = |c: i64| format!("{}.{:02}", c / 100, c % 100);
        out.push_str(&format!(
            "{},{year}-{month:02}-{date:02},{town},{region},{goods},{quantity},{},{},{}{}.{},{rating},{card}\n",
            1_000 + id,
            cents(price),
            cents(total),
            if tenths < 0 { "-" } else { "" },
            tenths.abs() / 10,
            tenths.abs() % 10,
        ));
    }
    out.into_bytes()
}

/// Month and day of a day of the year, counted from 0.
fn calendar(day: u32) -> (usize, u32) {
    let mut left = day;
    for (i, n) in MONTHS.iter().enumerate() {
        if left < *n {
            return (i + 1, left + 1);
        }
        left -= n;
    }
    (12, 31)
}

/// One of `n`, the first ones more often.
fn skewed(rng: &mut Rng, n: usize) -> usize {
    (rng.uniform() * rng.uniform().sqrt() * n as f64) as usize % n.max(1)
}

/// Samples along an edge of a digit.
const EDGE: usize = 28;

/// Strokes of the digits: points of lines in a square of 20, as MNIST's digits fill one; a stroke ends where the
/// next begins.
const STROKES: [&[&[[f64; 2]]]; 10] = [
    &[&[
        [10., 1.],
        [5., 3.],
        [3., 10.],
        [5., 17.],
        [10., 19.],
        [15., 17.],
        [17., 10.],
        [15., 3.],
        [10., 1.],
    ]],
    &[&[[6., 5.], [11., 1.], [11., 19.]]],
    &[&[
        [4., 5.],
        [7., 1.],
        [13., 1.],
        [16., 5.],
        [14., 10.],
        [4., 19.],
        [17., 19.],
    ]],
    &[&[
        [4., 2.],
        [10., 1.],
        [15., 4.],
        [14., 8.],
        [9., 10.],
        [15., 12.],
        [16., 16.],
        [11., 19.],
        [4., 18.],
    ]],
    &[
        &[[11., 1.], [3., 12.], [17., 12.]],
        &[[13., 6.], [13., 19.]],
    ],
    &[&[
        [15., 1.],
        [6., 1.],
        [5., 9.],
        [11., 8.],
        [16., 11.],
        [15., 17.],
        [9., 19.],
        [4., 17.],
    ]],
    &[&[
        [13., 1.],
        [7., 5.],
        [4., 13.],
        [7., 18.],
        [12., 19.],
        [16., 15.],
        [13., 11.],
        [8., 11.],
        [5., 14.],
    ]],
    &[&[[3., 2.], [16., 2.], [9., 19.]]],
    &[&[
        [10., 9.],
        [5., 6.],
        [7., 2.],
        [13., 2.],
        [15., 6.],
        [10., 9.],
        [4., 14.],
        [6., 18.],
        [14., 18.],
        [16., 14.],
        [10., 9.],
    ]],
    &[&[
        [15., 7.],
        [11., 10.],
        [6., 9.],
        [5., 4.],
        [9., 1.],
        [14., 2.],
        [15., 7.],
        [13., 19.],
    ]],
];

/// `n` images of digits as MNIST has them, and their labels, both as IDX files: 28x28 samples of 8 bits, white
/// strokes of a pen on black, about four fifths of the samples zero.
///
/// The digits are lines between points that the seed moves, slants, scales and thickens.
pub fn digits(seed: u64, n: usize) -> (Vec<u8>, Vec<u8>) {
    let mut rng = Rng::new(seed ^ 0x000D_1617);
    let count = (n as u32).to_be_bytes();
    let mut images = vec![0, 0, 8, 3];
    images.extend(count);
    images.extend([0, 0, 0, EDGE as u8, 0, 0, 0, EDGE as u8]);
    let mut labels = vec![0, 0, 8, 1];
    labels.extend(count);
    for _ in 0..n {
        let digit = (rng.bits() % 10) as usize;
        labels.push(digit as u8);
        let (slant, wide, high) = (
            rng.range(-0.1, 0.35),
            rng.range(0.75, 1.05),
            rng.range(0.9, 1.05),
        );
        let thick = rng.range(0.9, 1.7);
        let shift = [14.0 + 0.7 * rng.bell(), 14.0 + 0.7 * rng.bell()];
        let lines: Vec<Vec<[f64; 2]>> = STROKES[digit]
            .iter()
            .map(|stroke| {
                let moved = |p: &[f64; 2]| {
                    let y = (p[1] - 10.0) * high + 0.5 * rng.bell();
                    let x = (p[0] - 10.0) * wide - slant * y + 0.5 * rng.bell();
                    [x + shift[0], y + shift[1]]
                };
                round(&stroke.iter().map(moved).collect::<Vec<_>>())
            })
            .collect();
        for y in 0..EDGE {
            for x in 0..EDGE {
                let at = [x as f64 + 0.5, y as f64 + 0.5];
                let near = lines
                    .iter()
                    .flat_map(|l| l.windows(2))
                    .map(|w| distance(at, w[0], w[1]))
                    .fold(f64::INFINITY, f64::min);
                images.push(((thick + 0.5 - near) * 255.0).clamp(0.0, 255.0) as u8);
            }
        }
    }
    (images, labels)
}

/// A line with its corners cut off twice (Chaikin 1974): strokes of a hand bend.
fn round(line: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut line = line.to_vec();
    for _ in 0..2 {
        let between = |a: [f64; 2], b: [f64; 2], t: f64| [0, 1].map(|i| a[i] + t * (b[i] - a[i]));
        let inner = line
            .windows(2)
            .flat_map(|w| [between(w[0], w[1], 0.25), between(w[0], w[1], 0.75)]);
        let ends = (line.first().copied(), line.last().copied());
        line = ends.0.into_iter().chain(inner).chain(ends.1).collect();
    }
    line
}

/// Distance of a point from a piece of a line.
fn distance(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let length = dx * dx + dy * dy;
    let t = if length > 0.0 {
        (((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let (x, y) = (p[0] - a[0] - t * dx, p[1] - a[1] - t * dy);
    (x * x + y * y).sqrt()
}
