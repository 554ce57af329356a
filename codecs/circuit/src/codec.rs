//! The codec behind the contract: a chunk of records in groups that decode alone.

use nc_core::container::{Fields, Parsed, put_varint};
use nc_core::{
    AnyCodec, Budget, ChunkGoal, ChunkHead, Codec, CodecId, CodecInfo, CodecOption, Control,
    Encoded, Error, MediaKind, Model, ModelFault, ModelId, OptionValue, Part, Plan, Records,
    RecordsBuf, RecordsFormat, Result, Signal, kind,
};
use nc_kernels::Kernels;
use xxhash_rust::xxh3::Xxh3;

use crate::model::Stored;
use crate::{Frozen, Texts};

/// Facts of the codec.
pub const INFO: CodecInfo = CodecInfo {
    id: CodecId(2),
    name: "circuit",
    about: "records, images and tables, exactly, by a probabilistic circuit learnt from such",
    bitstream: 1,
    kind: MediaKind::Records,
    lossless: true,
    options: &[CodecOption {
        name: "group",
        help: "records that decode together; 1 lets each be read alone at the price of a byte or so (default 16)",
        value: OptionValue::Whole(1, 1 << 20),
    }],
};

/// The codec as a build knows it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Family;

impl nc_core::Family for Family {
    fn info(&self) -> &'static CodecInfo {
        &INFO
    }

    fn open(&self, model: Option<&Model>) -> Result<AnyCodec> {
        let model = model.ok_or(Error::Model(ModelFault::Needed(INFO.name)))?;
        Ok(CircuitCodec::new(model, Kernels::best())?.into())
    }

    #[cfg(feature = "train")]
    fn trainer(&self) -> Option<&dyn nc_core::family::Trainer> {
        Some(&crate::learn::Learner)
    }

    fn questions(&self, model: &Model) -> Result<Option<Box<dyn nc_core::family::Questions>>> {
        Ok(Some(Box::new(crate::Oracle::new(model)?)))
    }
}

/// Records that decode together where nobody asks for less.
const GROUP: usize = 16;
/// Values in a chunk, about; 16 MiB.
const CHUNK: u64 = 1 << 23;

/// A codec with its model.
pub struct CircuitCodec {
    id: ModelId,
    frozen: Frozen,
}

impl CircuitCodec {
    /// From a model file.
    ///
    /// # Errors
    /// [`Error::Model`] where it is no circuit's, or damaged, [`Error::Limit`] past [`Model::room`].
    pub fn new(model: &Model, kernels: Kernels) -> Result<Self> {
        let stored = Stored::read(model)?;
        let mut budget = model.room();
        budget.charge(stored.circuit.bytes())?;
        budget.charge(Frozen::bytes(&stored.circuit))?;
        let texts = Texts::from_weights(&stored.texts);
        let frozen = Frozen::with_kernels(&stored.circuit, kernels)
            .and_then(|f| f.with_texts(stored.open, texts))
            .and_then(|f| f.with_first(stored.first))
            .map_err(|e| Error::Model(e.to_string().into()))?;
        Ok(Self {
            id: model.id,
            frozen,
        })
    }

    /// The circuit in integers.
    #[must_use]
    pub fn frozen(&self) -> &Frozen {
        &self.frozen
    }

    /// What the index of a payload says of the records in `head`.
    fn groups<'a>(
        &self,
        payload: &'a [u8],
        head: &ChunkHead<RecordsFormat>,
        budget: &mut Budget,
    ) -> Result<(usize, Vec<&'a [u8]>)> {
        self.plan(&head.format)?;
        let damaged = || Error::Format("circuit: an index that does not fit".into());
        let mut index = Fields::new(payload);
        let group = usize::try_from(index.varint()?).map_err(|_| damaged())?;
        if group == 0 {
            return Err(damaged());
        }
        let records = usize::try_from(head.units).map_err(|_| damaged())?;
        let count = records
            .div_ceil(group)
            .checked_mul(self.frozen.streams())
            .ok_or_else(damaged)?;
        // Each length is a byte at least.
        if count > payload.len() {
            return Err(damaged());
        }
        // A length, and where the stream lies, here and with the others of its group.
        budget.charge((count as u64).saturating_mul(40))?;
        let lengths: Vec<u64> = (0..count).map(|_| index.varint()).collect::<Parsed<_>>()?;
        let mut rest = index.rest();
        let mut groups = Vec::with_capacity(count);
        for n in lengths {
            let n = usize::try_from(n).map_err(|_| damaged())?;
            let (bytes, after) = rest.split_at_checked(n).ok_or_else(damaged)?;
            groups.push(bytes);
            rest = after;
        }
        if rest.is_empty() {
            Ok((group, groups))
        } else {
            Err(damaged())
        }
    }

    fn decode_rows(
        &self,
        payload: &[u8],
        head: &ChunkHead<RecordsFormat>,
        part: &Part,
        budget: &mut Budget,
        check: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<RecordsBuf> {
        if part.units.start > part.units.end || part.units.end > head.units {
            return Err(Error::Usage("rows outside the chunk".into()));
        }
        let (group, groups) = self.groups(payload, head, budget)?;
        let whole = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let (from, to, records) = (
            whole(part.units.start),
            whole(part.units.end),
            whole(head.units),
        );
        // Groups from the first to before the last, and the rows that they begin with and end before.
        let first = from.checked_div(group).unwrap_or(0);
        let last = to.div_ceil(group.max(1)).max(first);
        let start = first.saturating_mul(group).min(records);
        let end = last.saturating_mul(group).min(records);
        let rows = end.saturating_sub(start);
        let per = self.frozen.streams();
        let groups = groups
            .get(first.saturating_mul(per)..last.saturating_mul(per))
            .unwrap_or_default();
        let wanted = part.variables.as_deref();
        let all = self
            .frozen
            .decode(groups, rows, group, wanted, budget, check)?;
        if from == start && to == end {
            return Ok(all);
        }
        let (skip, until) = (from.saturating_sub(start), to.saturating_sub(start));
        let some = all.view().rows(skip, until);
        some.ok_or_else(|| Error::Format("circuit: rows outside the chunk".into()))
    }
}

fn encoded(records: Records<'_>) -> Encoded {
    let mut hash = Xxh3::new();
    Signal::Records(records).le_bytes(|block| hash.update(block));
    Encoded {
        symbols: hash.digest(),
    }
}

impl Codec for CircuitCodec {
    type Kind = kind::RecordsKind;

    fn info(&self) -> &CodecInfo {
        &INFO
    }

    fn model(&self) -> Option<ModelId> {
        Some(self.id)
    }

    fn plan(&self, format: &RecordsFormat) -> Result<Plan> {
        let d = self.frozen.alphabets().len();
        let variables = format.variables;
        if variables as usize != d {
            return Err(Error::Unsupported(format!(
                "records of {variables} variables; the model's have {d}"
            )));
        }
        Ok(Plan {
            chunk: CHUNK
                .checked_div(d as u64)
                .unwrap_or(0)
                .clamp(1024, 1 << 20),
            overlap: 0,
        })
    }

    fn encode(
        &self,
        records: Records<'_>,
        head: &ChunkHead<RecordsFormat>,
        goal: ChunkGoal,
        ctl: &mut Control<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        if goal != ChunkGoal::Exact {
            return Err(Error::Usage(
                "a circuit is lossless and takes no rate or quality".into(),
            ));
        }
        self.plan(&head.format)?;
        // Values side by side where they are not so already, and what they are coded to: twice, as parts and together.
        let texts = records.texts.iter().map(|t| t.bytes.len() as u64);
        let values = (records.values.len() as u64).saturating_mul(2);
        let bytes = texts.fold(values, u64::saturating_add);
        ctl.budget.share().charge(bytes.saturating_mul(3))?;
        let group = ctl.options.parsed("group")?.unwrap_or(GROUP);
        let groups = self.frozen.encode(records, group)?;
        put_varint(group as u64, out);
        for g in &groups {
            put_varint(g.len() as u64, out);
        }
        groups.iter().for_each(|g| out.extend_from_slice(g));
        Ok(encoded(records))
    }

    fn decode(
        &self,
        payload: &[u8],
        head: &ChunkHead<RecordsFormat>,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<(RecordsBuf, Encoded)> {
        let all = Part {
            units: 0..head.units,
            variables: None,
        };
        let records = self.decode_rows(payload, head, &all, budget, &ctl.checker())?;
        let encoded = encoded(records.view());
        Ok((records, encoded))
    }

    fn decode_part(
        &self,
        payload: &[u8],
        head: &ChunkHead<RecordsFormat>,
        part: &Part,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<Option<RecordsBuf>> {
        let records = self.decode_rows(payload, head, part, budget, &ctl.checker())?;
        Ok(Some(records))
    }
}
