//! Models from anywhere.

use nc::{Budget, Error, Model};

/// Opens any bytes as a model, with every codec.
pub fn any(data: &[u8]) {
    let mut budget = Budget::new(crate::BUDGET);
    let model = match Model::from_bytes(data.to_vec(), &mut budget) {
        Ok(model) => model,
        Err(Error::Model(_) | Error::Limit(_)) => return,
        Err(e) => panic!("a wrong model is {e:?}"),
    };
    let names = model.tensors();
    for (name, shape) in &names {
        if let Ok(tensor) = model.tensor(name) {
            assert_eq!(&tensor.shape, shape);
            assert_eq!(tensor.data.len(), shape.iter().product::<usize>());
            assert!(tensor.data.iter().all(|v| v.is_finite()));
        }
    }
    for entry in nc_codecs::registry().entries {
        match (entry.open)(Some(&model)) {
            Ok(codec) => assert_eq!(codec.info().id, entry.info.id),
            Err(Error::Model(_) | Error::Limit(_) | Error::Unsupported(_)) => {}
            Err(e) => panic!("{} opens a wrong model with {e:?}", entry.info.name),
        }
    }
}
