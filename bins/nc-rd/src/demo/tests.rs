#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::bench::plan::Plan;

#[test]
fn the_plan_finds_its_inputs_and_every_codec_of_nc() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), 3).unwrap();
    let plan = Plan::open(&path, &[], &Default::default(), &[]).unwrap();
    let inputs: Vec<usize> = plan.datasets.iter().map(|d| d.inputs.len()).collect();
    assert_eq!(inputs, [5, 4, 2, 1, 1]);
    for codec in plan
        .codecs
        .iter()
        .enumerate()
        .filter(|(_, c)| c.name.starts_with("nc "))
    {
        assert!(
            plan.tasks.iter().any(|t| t.codec == codec.0),
            "{}",
            codec.1.name
        );
    }
    assert_eq!(
        plan.datasets.iter().filter(|d| d.train.is_some()).count(),
        2
    );
}
