//! Removes what cannot be reached.

use super::net::Net;

impl Net {
    /// Keeps the largest component: every street for cars can be reached from every other one and left
    /// again, and every footway too.
    pub(super) fn connected(mut self) -> Self {
        let cars = self.largest(|edge| edge.kind.for_cars(), true);
        // A one-way street that leads nowhere is opened.
        for edge in &mut self.edges {
            edge.oneway &= cars[edge.from] && cars[edge.to];
        }
        let cars = self.largest(|edge| edge.kind.for_cars(), true);
        self.edges.retain(|edge| !edge.kind.for_cars() || (cars[edge.from] && cars[edge.to]));
        let feet = self.largest(|_| true, false);
        self.edges.retain(|edge| feet[edge.from] && feet[edge.to]);
        self
    }

    /// The points of the largest strongly connected component over `usable` edges.
    fn largest(&self, usable: impl Fn(&super::net::Edge) -> bool, directed: bool) -> Vec<bool> {
        let mut next = vec![Vec::new(); self.points.len()];
        let mut before = vec![Vec::new(); self.points.len()];
        for edge in self.edges.iter().filter(|edge| usable(edge)) {
            let both = !(directed && edge.oneway);
            for (a, b) in [(edge.from, edge.to), (edge.to, edge.from)].into_iter().take(1 + usize::from(both))
            {
                next[a].push(b);
                before[b].push(a);
            }
        }
        // Kosaraju: in the reverse order of leaving, what is reached backwards is one component.
        let part = parts(&before, &left_order(&next));
        let mut sizes = vec![0_usize; self.points.len()];
        for number in &part {
            sizes[*number] += 1;
        }
        let largest = (0..sizes.len()).max_by_key(|number| sizes[*number]);
        part.into_iter().map(|number| Some(number) == largest).collect()
    }
}

/// All points, last those that a search leaves first.
fn left_order(next: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; next.len()];
    let mut order = Vec::with_capacity(next.len());
    for start in 0..next.len() {
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        let mut path = vec![(start, 0)];
        while let Some((at, done)) = path.last_mut() {
            if let Some(&to) = next[*at].get(*done) {
                *done += 1;
                if !std::mem::replace(&mut seen[to], true) {
                    path.push((to, 0));
                }
            } else {
                order.push(*at);
                path.pop();
            }
        }
    }
    order.reverse();
    order
}

/// The number of each point's part.
fn parts(before: &[Vec<usize>], order: &[usize]) -> Vec<usize> {
    let mut part = vec![usize::MAX; before.len()];
    for (number, &start) in order.iter().enumerate() {
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            if part[at] == usize::MAX {
                part[at] = number;
                open.extend(before[at].iter().filter(|from| part[**from] == usize::MAX));
            }
        }
    }
    part
}
