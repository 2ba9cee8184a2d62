//! Hidden bays of which few are known.
//!
//! Hidden bays count in a site as a crowd ([`domain::inclusion`]). While most of a crowd are silent, a sum over it is one over
//! the few that are not; so a slice of five minutes counts only where the crowd was observed for longer than four bays
//! can be. What is left out of a site is left out of all that it counts in: no two answers differ by it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::ids::ScopeId;
use domain::inclusion::MIN_HIDDEN_BAYS;
use domain::intervals::{Delta, HOUR_US, HourSums, Piece, SLICE_US, SLICES, Span, Timeline};
use domain::{BayId, MunicipalityId, SiteId, UtcMicros};
use store::analysis::{Scope, ScopeKind};

use super::{Group, Hours, Parts};

/// The longest for which bays can be observed in a slice that are no crowd.
const FEW_US: i64 = (MIN_HIDDEN_BAYS as i64 - 1) * SLICE_US;

/// The hidden bays of a site that count in groups. Beside the groups of the answer it has some of its own, whose sums say of
/// how many bays the others' are.
#[derive(Debug)]
pub struct Crowd {
    municipality: MunicipalityId,
    bays: Vec<BayId>,
    /// The longest for which those of them that ever were shown can have been observed in a slice.
    most_shown_us: i64,
    /// All bays of the site.
    all: ScopeId,
    /// Those that are kept for an audience.
    audiences: BTreeMap<String, ScopeId>,
    /// Groups of the answer that the crowd counts in, each with the crowd's own group that is its part of it.
    counts_in: Vec<(ScopeId, ScopeId)>,
    /// When sums over all, and numbers by audience, would rest on few, as far as it was noted.
    few: [Vec<Span>; 2],
}

/// Slices of an hour in which something rests on few.
#[derive(Default)]
struct Few {
    all: [bool; SLICES],
    /// Numbers by whom spaces are kept for.
    by_audience: [bool; SLICES],
}

impl Parts {
    /// Finds the crowds that count in the groups of one town.
    pub fn add_crowds(
        &mut self,
        municipality: MunicipalityId,
        scopes: &[Scope],
        bays: &BTreeMap<BayId, Timeline>,
    ) {
        let sites: HashMap<ScopeId, (SiteId, Option<&str>)> = scopes
            .iter()
            .filter(|scope| scope.key.kind == ScopeKind::Site && !scope.key.is_counted)
            .filter_map(|scope| Some((scope.id, (scope.key.site?, scope.key.audience.as_deref()))))
            .collect();
        let own = |piece: &Piece| {
            piece.scopes.iter().filter_map(|scope| sites.get(scope)).copied().collect::<Vec<_>>()
        };
        let hidden = |timeline: &Timeline| {
            timeline.pieces.iter().filter(|piece| !piece.is_shown).flat_map(own).collect::<Vec<_>>()
        };
        let asked = self.bays.keys().filter_map(|(_, bay, _)| bays.get(bay));
        let asked: BTreeSet<SiteId> = asked.flat_map(hidden).map(|(site, _)| site).collect();
        let mut crowds: BTreeMap<SiteId, Crowd> = BTreeMap::new();
        let mut next = self.groups.len();
        let mut number = || {
            next += 1;
            ScopeId(next as i32 - 1)
        };
        for (scope, (site, audience)) in sites.iter().filter(|(_, (site, _))| asked.contains(site)) {
            let crowd = crowds.entry(*site).or_insert_with(|| Crowd {
                municipality,
                bays: Vec::new(),
                most_shown_us: 0,
                all: number(),
                audiences: BTreeMap::new(),
                counts_in: Vec::new(),
                few: Default::default(),
            });
            let group = match audience {
                None => crowd.all,
                Some(audience) => *crowd.audiences.entry((*audience).to_owned()).or_insert_with(&mut number),
            };
            self.scopes.entry(municipality).or_default().entry(*scope).or_default().push(group.0 as usize);
        }
        for (bay, timeline) in bays {
            let pieces: Vec<Piece> = timeline
                .pieces
                .iter()
                .filter_map(|piece| {
                    let groups = own(piece).into_iter().filter_map(|(site, audience)| {
                        let crowd = crowds.get(&site)?;
                        audience.map_or(Some(crowd.all), |audience| crowd.audiences.get(audience).copied())
                    });
                    let piece = Piece { scopes: groups.collect(), ..piece.clone() };
                    (!piece.scopes.is_empty()).then_some(piece)
                })
                .collect();
            for crowd in crowds
                .values_mut()
                .filter(|crowd| pieces.iter().any(|piece| piece.scopes.contains(&crowd.all)))
            {
                let is_shown = |piece: &Piece| piece.is_shown && piece.scopes.contains(&crowd.all);
                crowd.most_shown_us += if pieces.iter().any(is_shown) { SLICE_US } else { 0 };
                crowd.bays.push(*bay);
            }
            if !pieces.is_empty() {
                super::join(&mut self.bays.entry((municipality, *bay, true)).or_default().pieces, pieces);
            }
        }
        for mut crowd in crowds.into_values() {
            crowd.counts_in = self.counts_in(&crowd);
            self.crowds.push(crowd);
        }
    }

    /// The groups of the answer that a crowd counts in.
    fn counts_in(&self, crowd: &Crowd) -> Vec<(ScopeId, ScopeId)> {
        let hidden =
            |bay: &BayId| self.pieces(crowd, *bay).filter(|piece| !piece.is_shown).collect::<Vec<_>>();
        let groups: BTreeSet<ScopeId> =
            crowd.bays.iter().flat_map(hidden).flat_map(|piece| piece.scopes.iter().copied()).collect();
        let part = |group: ScopeId| {
            let Group { labels, .. } = self.groups.get(group.0 as usize)?;
            let part = labels
                .restriction
                .as_ref()
                .map_or(Some(&crowd.all), |audience| crowd.audiences.get(audience));
            Some((group, *part?))
        };
        groups.into_iter().filter_map(part).collect()
    }

    /// All pieces of a bay: of groups whose hours are summed up, and of others.
    fn pieces(&self, crowd: &Crowd, bay: BayId) -> impl Iterator<Item = &Piece> {
        [true, false].into_iter().flat_map(move |is_summed| {
            self.bays.get(&(crowd.municipality, bay, is_summed)).map_or(&[][..], |timeline| &timeline.pieces)
        })
    }

    /// Takes what rests on few out of the sums of the answer's groups. `answered`: how many those are.
    pub fn leave_out_few(&self, hours: &mut Hours, answered: usize) {
        let own = hours.extract_if(|(group, _), _| *group >= answered);
        for (hour, own) in by_hour(own.map(|((group, hour), sums)| ((ScopeId(group as i32), hour), sums))) {
            for crowd in &self.crowds {
                let few = self.few(crowd, hour, &own);
                for (group, part) in &crowd.counts_in {
                    let few = if *part == crowd.all { &few.all } else { &few.by_audience };
                    let held = hours.get_mut(&(group.0 as usize, hour));
                    let (Some(sums), Some(of_crowd)) = (held, own.get(part)) else { continue };
                    let is_part = |slice| self.is_part(crowd, *group, *part, slice_of(hour, slice));
                    let [mut parts, mut others] = [[false; SLICES]; 2];
                    for slice in (0..SLICES).filter(|slice| few[*slice]) {
                        let is_part = is_part(slice);
                        (parts[slice], others[slice]) = (is_part == Some(true), is_part.is_none());
                    }
                    sums.take_out(of_crowd, &parts);
                    let all = *sums;
                    sums.take_out(&all, &others);
                }
            }
        }
    }

    /// Where the sums of an hour rest on few of a crowd.
    fn few(&self, crowd: &Crowd, hour: i64, own: &HashMap<ScopeId, HourSums>) -> Few {
        let rests_on_few = |group: &ScopeId, slice: usize| {
            let observed_us = own.get(group).map_or(0, |sums| sums.observed_us[slice]);
            let shown_us = || self.shown_us(crowd, *group, slice_of(hour, slice));
            // Nearly every slice of a crowd that speaks is decided without a look at its bays.
            (1..=FEW_US + crowd.most_shown_us).contains(&observed_us)
                && shown_us().is_some_and(|shown_us| observed_us - shown_us <= FEW_US)
        };
        let mut few = Few::default();
        for slice in 0..SLICES {
            few.all[slice] = rests_on_few(&crowd.all, slice);
            few.by_audience[slice] =
                few.all[slice] || crowd.audiences.values().any(|group| rests_on_few(group, slice));
        }
        few
    }

    /// For how long bays of a crowd's group may have been observed in a slice while they were shown; `None`: none of it was hidden.
    fn shown_us(&self, crowd: &Crowd, group: ScopeId, slice: Span) -> Option<i64> {
        let (mut shown_us, mut is_any_hidden) = (0, false);
        for piece in self.of_slice(crowd, group, slice) {
            match piece.is_shown {
                true => shown_us += piece.span.within(slice).len_us(),
                false => is_any_hidden = true,
            }
        }
        is_any_hidden.then_some(shown_us)
    }

    fn of_slice(&self, crowd: &Crowd, group: ScopeId, slice: Span) -> impl Iterator<Item = &Piece> {
        let pieces = crowd.bays.iter().flat_map(|bay| self.pieces(crowd, *bay));
        pieces.filter(move |piece| piece.scopes.contains(&group) && !piece.span.within(slice).is_empty())
    }

    /// Whether a crowd's own group is part of a group of the answer all through a slice; `None`: not all of it, or not all the time.
    fn is_part(&self, crowd: &Crowd, group: ScopeId, part: ScopeId, slice: Span) -> Option<bool> {
        let time_us = |group| {
            let pieces = self.of_slice(crowd, group, slice);
            pieces.fold((0, 0), |(shown, hidden), piece| {
                let us = piece.span.within(slice).len_us();
                if piece.is_shown { (shown + us, hidden) } else { (shown, hidden + us) }
            })
        };
        match (time_us(part), time_us(group)) {
            (_, (_, 0)) => Some(false),
            (of_part, of_group) if of_part == of_group => Some(true),
            _ => None,
        }
    }

    /// Notes when sums of single bays would rest on few. `sums`: what [`Parts::crowds_bays`] add to some hours, in the order
    /// of time from call to call.
    pub fn note_few(&mut self, sums: Delta) {
        for (hour, own) in by_hour(sums.0.into_iter()) {
            let few: Vec<Few> = self.crowds.iter().map(|crowd| self.few(crowd, hour, &own)).collect();
            for (crowd, few) in self.crowds.iter_mut().zip(few) {
                for slice in 0..SLICES {
                    let span = slice_of(hour, slice);
                    for (spans, is_few) in crowd.few.iter_mut().zip([few.all[slice], few.by_audience[slice]])
                    {
                        match spans.last_mut().filter(|last| last.until == span.from) {
                            _ if !is_few => {}
                            Some(last) => last.until = span.until,
                            None => spans.push(span),
                        }
                    }
                }
            }
        }
    }

    /// Takes the times that were noted out of the layouts, and the crowds' own groups with them. `answered`: how many groups the
    /// answer has.
    pub fn cut_few(&mut self, answered: usize) {
        for crowd in std::mem::take(&mut self.crowds) {
            let [all, by_audience] = &crowd.few;
            let is_whole = |group: &ScopeId| crowd.counts_in.contains(&(*group, crowd.all));
            for bay in &crowd.bays {
                let of_crowd = self
                    .pieces(&crowd, *bay)
                    .filter(|piece| !piece.is_shown && piece.scopes.contains(&crowd.all));
                let of_crowd: Vec<Span> = of_crowd.map(|piece| piece.span).collect();
                for is_summed in [true, false] {
                    let Some(timeline) = self.bays.get_mut(&(crowd.municipality, *bay, is_summed)) else {
                        continue;
                    };
                    for piece in std::mem::take(&mut timeline.pieces) {
                        if !of_crowd.contains(&piece.span) {
                            timeline.pieces.push(piece);
                            continue;
                        }
                        let (whole, parts) = piece.scopes.iter().copied().partition(is_whole);
                        timeline.pieces.extend(without(&Piece { scopes: whole, ..piece.clone() }, all));
                        timeline.pieces.extend(without(&Piece { scopes: parts, ..piece }, by_audience));
                    }
                }
            }
        }
        for timeline in self.bays.values_mut() {
            timeline
                .pieces
                .iter_mut()
                .for_each(|piece| piece.scopes.retain(|group| (group.0 as usize) < answered));
            timeline.pieces.retain(|piece| !piece.scopes.is_empty());
        }
    }

    /// The bays of crowds.
    pub fn crowds_bays(&self) -> Vec<BayId> {
        self.crowds.iter().flat_map(|crowd| crowd.bays.iter().copied()).collect()
    }
}

fn by_hour(
    sums: impl Iterator<Item = ((ScopeId, i64), HourSums)>,
) -> BTreeMap<i64, HashMap<ScopeId, HourSums>> {
    let mut hours: BTreeMap<i64, HashMap<ScopeId, HourSums>> = BTreeMap::new();
    for ((group, hour), sums) in sums {
        hours.entry(hour).or_default().insert(group, sums);
    }
    hours
}

fn slice_of(hour: i64, slice: usize) -> Span {
    let from = hour * HOUR_US + slice as i64 * SLICE_US;
    Span { from: UtcMicros(from), until: UtcMicros(from + SLICE_US) }
}

/// A piece without some spans, which are in the order of time.
fn without(piece: &Piece, spans: &[Span]) -> Vec<Piece> {
    let mut rest = Vec::new();
    let mut from = piece.span.from;
    for span in spans {
        rest.push(Span { from, until: span.from.min(piece.span.until) });
        from = from.max(span.until);
    }
    rest.push(Span { from, until: piece.span.until });
    rest.retain(|span| !span.is_empty());
    rest.into_iter().map(|span| Piece { span, ..piece.clone() }).collect()
}
