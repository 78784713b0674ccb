//! Places: how many calls are under way at once, in all and at each host, and which effect takes the next one that is free.
//!
//! An effect needs a place for its call, not for its intent. Where services answer faster than the state is durable, intents
//! are therefore committed *ahead* of the places, so that one sync serves many. How many is found out: more, when a commit
//! ends and finds that all calls were answered meanwhile; fewer, when it finds calls that wait for a place. A run that is
//! stopped takes back what waits, and of one that dies the next one finds that it was never done.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use crate::Connected;
use crate::machine::apply::EffectId;
use crate::machine::provider::Link;
use crate::machine::schedule::{UnitId, UnitKind};
use crate::machine::{Machine, ObjectId};

/// Intents that are ahead at most. After a crash each costs a look at its object; but there are only as many as the services
/// answer calls during one commit.
const AHEAD: usize = 1024;

/// Units or effects that wait for their turn, by host; the longest chain first, then in order.
#[derive(Debug, Default)]
struct Queue {
    by_host: BTreeMap<Arc<str>, BinaryHeap<(u32, Reverse<u32>)>>,
    len: usize,
}

impl Queue {
    fn push(&mut self, host: Arc<str>, height: u32, id: u32) {
        self.by_host.entry(host).or_default().push((height, Reverse(id)));
        self.len += 1;
    }

    /// The next one for a host that can take it.
    fn pop(&mut self, free: impl Fn(&str) -> bool) -> Option<(Arc<str>, u32)> {
        let best = self
            .by_host
            .iter()
            .filter(|(host, heap)| !heap.is_empty() && free(host))
            .max_by_key(|(_, heap)| heap.peek().copied())
            .map(|(host, _)| host.clone())?;
        let (_, Reverse(id)) = self.by_host.get_mut(&best)?.pop()?;
        self.len -= 1;
        Some((best, id))
    }

    /// Everything that waits, in order.
    fn drain(&mut self) -> Vec<u32> {
        self.len = 0;
        let mut all: Vec<u32> =
            self.by_host.values_mut().flat_map(|heap| heap.drain().map(|(_, Reverse(id))| id)).collect();
        all.sort_unstable();
        all
    }
}

/// Effects of a host, or of all.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    /// Begun and not over.
    begun: usize,
    /// Of these, those that have a place.
    placed: usize,
}

/// Who has a place, and who waits for one.
#[derive(Debug)]
pub(crate) struct Places {
    parallelism: usize,
    all: Load,
    by_host: BTreeMap<Arc<str>, Load>,
    /// Units that can begin.
    turn: Queue,
    /// Effects whose intent is durable (or whose programs come first).
    ready: Queue,
    /// How many may begin beyond the places.
    ahead: usize,
    /// An effect is over: services have been seen to answer.
    answered: bool,
}

impl Places {
    /// All free; so many at once, one at least.
    pub(crate) fn new(parallelism: usize) -> Places {
        Places {
            parallelism: parallelism.max(1),
            all: Load::default(),
            by_host: BTreeMap::new(),
            turn: Queue::default(),
            ready: Queue::default(),
            ahead: 0,
            answered: false,
        }
    }

    /// True if nothing that was begun is still to end.
    pub(crate) fn is_idle(&self) -> bool {
        self.all.begun == 0
    }

    fn of(&self, host: &str) -> Load {
        self.by_host.get(host).copied().unwrap_or_default()
    }

    fn change(&mut self, host: &Arc<str>, change: impl Fn(&mut Load)) {
        change(&mut self.all);
        change(self.by_host.entry(host.clone()).or_default());
    }

    /// An effect begins.
    pub(crate) fn begun(&mut self, host: &Arc<str>) {
        self.change(host, |load| load.begun += 1);
    }

    /// An effect is over.
    pub(crate) fn over(&mut self, host: &Arc<str>, had_place: bool) {
        self.change(host, |load| {
            load.begun -= 1;
            load.placed -= usize::from(had_place);
        });
        self.answered = true;
    }

    /// A commit has ended: what it finds says whether the state or the services are the slower ones.
    pub(crate) fn committed(&mut self) {
        let excess = self.ready.len;
        if excess > 0 {
            self.ahead -= (excess / 2).min(self.ahead);
        } else if self.answered && self.all.placed == 0 && self.turn.len > 0 {
            self.ahead = (2 * self.ahead + self.parallelism).min(AHEAD);
        }
    }
}

impl Machine {
    /// An object's turn has come: it waits until its effect can begin.
    pub(crate) fn enqueue(&mut self, unit: UnitId, object: ObjectId) {
        let of = &self.objects[object as usize];
        let host: Arc<str> = match &self.providers[of.provider as usize].link {
            Link::Connected(connected) => connected.host.as_str().into(),
            _ => "".into(),
        };
        let height = self.height(unit);
        self.applying().places.turn.push(host, height, unit);
    }

    /// How long the chain is that waits for a unit.
    fn height(&mut self, unit: UnitId) -> u32 {
        match self.applying().schedule.units[unit as usize].kind {
            UnitKind::Forward(object) => {
                self.objects[object as usize].node.map_or(0, |n| self.applying().heights[n.0 as usize])
            }
            // Removals free places for what is made after them, and go deep before wide.
            _ => u32::MAX,
        }
    }

    fn limit(&self, host: &str) -> usize {
        let of_host = |link: &Link| match link {
            Link::Connected(Connected { host: h, parallelism, .. }) if h == host => {
                Some((*parallelism).max(1))
            }
            _ => None,
        };
        self.providers.iter().filter_map(|p| of_host(&p.link)).max().unwrap_or(usize::MAX)
    }

    /// An effect can go on as soon as there is a place.
    pub(crate) fn await_place(&mut self, id: EffectId) {
        let effect = &self.applying().effects[id as usize];
        if effect.has_place || !effect.is_in_flight() {
            return self.go_on(id);
        }
        let (host, unit) = (effect.host.clone(), effect.unit);
        let height = self.height(unit);
        self.applying().places.ready.push(host, height, id);
    }

    fn go_on(&mut self, id: EffectId) {
        if self.has_programs(id) { self.run_program(id) } else { self.call(id) }
    }

    /// Gives free places to effects that wait for one, and begins others; true if anything was begun or found done.
    pub(crate) fn start_effects(&mut self) -> bool {
        if self.applying().stopping.is_some() {
            let waiting = self.applying().places.turn.drain();
            let any = self.take_back_waiting() || !waiting.is_empty();
            for unit in waiting {
                self.start(unit, "".into());
            }
            return any;
        }
        let mut any = false;
        while let Some(id) = self.next_ready() {
            let effect = &mut self.applying().effects[id as usize];
            effect.has_place = true;
            let host = effect.host.clone();
            self.applying().places.change(&host, |load| load.placed += 1);
            any = true;
            self.go_on(id);
        }
        while let Some((host, unit)) = self.next_turn() {
            any = true;
            self.start(unit, host);
        }
        any
    }

    fn next_ready(&mut self) -> Option<EffectId> {
        let places = &mut self.applying().places;
        if places.all.placed >= places.parallelism {
            return None;
        }
        let mut ready = std::mem::take(&mut places.ready);
        let next = ready.pop(|host| self.load(host).placed < self.limit(host));
        self.applying().places.ready = ready;
        next.map(|(_, id)| id)
    }

    fn next_turn(&mut self) -> Option<(Arc<str>, UnitId)> {
        let places = &mut self.applying().places;
        let ahead = places.ahead;
        if places.all.begun >= places.parallelism + ahead {
            return None;
        }
        let mut turn = std::mem::take(&mut places.turn);
        let next = turn.pop(|host| self.load(host).begun < self.limit(host).saturating_add(ahead));
        self.applying().places.turn = turn;
        next
    }

    fn load(&self, host: &str) -> Load {
        self.applying.as_ref().map(|apply| apply.places.of(host)).unwrap_or_default()
    }

    /// The run is stopping: what waits for a place is not called. True if there was any.
    pub(crate) fn take_back_waiting(&mut self) -> bool {
        let waiting = self.applying().places.ready.drain();
        let any = !waiting.is_empty();
        for id in waiting {
            self.go_on(id);
        }
        any
    }
}
