//! Lines of nodes joined where their ends meet.

use rustc_hash::FxHashMap;

/// Joins ways to as few lines as possible; a ring begins and ends at one node. Order and direction of the ways do not matter.
pub(super) fn joined(ways: Vec<Vec<i64>>) -> Vec<Vec<i64>> {
    let mut at_end: FxHashMap<i64, Vec<usize>> = FxHashMap::default();
    for (number, way) in ways.iter().enumerate() {
        for end in [way.first(), way.last()].into_iter().flatten() {
            at_end.entry(*end).or_default().push(number);
        }
    }
    let mut is_used = vec![false; ways.len()];
    let mut lines = Vec::new();
    for first in 0..ways.len() {
        if std::mem::replace(&mut is_used[first], true) || ways[first].is_empty() {
            continue;
        }
        let mut line = ways[first].clone();
        while let Some(&end) = line.last().filter(|end| Some(*end) != line.first()) {
            let Some(next) = at_end.get(&end).into_iter().flatten().copied().find(|way| !is_used[*way])
            else {
                break;
            };
            is_used[next] = true;
            let way = &ways[next];
            if way.first() == Some(&end) {
                line.extend(&way[1..]);
            } else {
                line.extend(way.iter().rev().skip(1));
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_close_whatever_way_their_parts_run() {
        assert_eq!(joined(vec![vec![1, 2], vec![3, 2], vec![3, 4, 1]]), [[1, 2, 3, 4, 1]]);
        assert_eq!(joined(vec![vec![5, 6, 5], vec![1, 2], vec![2, 1]]), [vec![5, 6, 5], vec![1, 2, 1]]);
        assert_eq!(joined(vec![vec![1, 2], vec![2, 3]]), [[1, 2, 3]]);
        assert!(joined(vec![vec![]]).is_empty());
    }
}
