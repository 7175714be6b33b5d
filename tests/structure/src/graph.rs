//! Graphs of arrows between numbered nodes: circles, and floors. It knows nothing of sources.

use std::collections::BTreeSet;

/// Nodes from 0, and arrows between them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    arrows: Vec<BTreeSet<usize>>,
}

impl Graph {
    /// So many nodes, and no arrow yet.
    pub(crate) fn new(nodes: usize) -> Self {
        Self { arrows: vec![BTreeSet::new(); nodes] }
    }

    /// An arrow, unless it leads where it begins.
    pub(crate) fn add(&mut self, from: usize, to: usize) {
        if from != to {
            self.arrows[from].insert(to);
        }
    }

    /// How many pairs of nodes have an arrow.
    pub(crate) fn size(&self) -> usize {
        self.arrows.iter().map(BTreeSet::len).sum()
    }

    /// The strongly connected components of more than one node, each in order.
    pub(crate) fn circles(&self) -> Vec<Vec<usize>> {
        let component = self.components();
        let mut circles = Vec::new();
        for (node, &first) in component.iter().enumerate() {
            if node == first {
                let members = (node..component.len()).filter(|&other| component[other] == first);
                circles.push(members.collect::<Vec<_>>());
            }
        }
        circles.retain(|circle| circle.len() > 1);
        circles
    }

    /// For each node, the first node of its strongly connected component.
    pub(crate) fn components(&self) -> Vec<usize> {
        let reached: Vec<_> = (0..self.arrows.len()).map(|node| self.reached_from(node)).collect();
        let first = |node: usize| (0..node).find(|&o| reached[node][o] && reached[o][node]);
        (0..self.arrows.len()).map(|node| first(node).unwrap_or(node)).collect()
    }

    /// The floor of each node, from 1: above all that its arrows lead to. A circle is on one floor.
    pub(crate) fn floors(&self) -> Vec<usize> {
        let component = self.components();
        let mut below = Self::new(self.arrows.len());
        for (from, arrows) in self.arrows.iter().enumerate() {
            for &to in arrows {
                below.add(component[from], component[to]);
            }
        }
        let mut floors = vec![0; self.arrows.len()];
        for &first in &component {
            below.raise(first, &mut floors);
        }
        component.iter().map(|&first| floors[first]).collect()
    }

    /// Fills in the floor of a node of a graph without circles, and of all below it.
    fn raise(&self, node: usize, floors: &mut [usize]) -> usize {
        if floors[node] == 0 {
            let highest = self.arrows[node].iter().map(|&to| self.raise(to, floors)).max();
            floors[node] = highest.unwrap_or(0) + 1;
        }
        floors[node]
    }

    /// Which nodes can be reached from this one.
    fn reached_from(&self, node: usize) -> Vec<bool> {
        let mut reached = vec![false; self.arrows.len()];
        let mut open = vec![node];
        while let Some(next) = open.pop() {
            for &to in &self.arrows[next] {
                if !reached[to] {
                    reached[to] = true;
                    open.push(to);
                }
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(nodes: usize, arrows: &[(usize, usize)]) -> Graph {
        let mut graph = Graph::new(nodes);
        for &(from, to) in arrows {
            graph.add(from, to);
        }
        graph
    }

    #[test]
    fn a_circle_is_a_set_of_nodes_that_all_reach_each_other() {
        for (nodes, arrows, expected) in [
            (3, &[(0, 1), (1, 2), (0, 2)][..], vec![]),
            (2, &[(0, 0)], vec![]),
            (2, &[(0, 1), (1, 0)], vec![vec![0, 1]]),
            (4, &[(3, 1), (1, 2), (2, 3), (3, 0)], vec![vec![1, 2, 3]]),
            // Two circles, and an arrow from one to the other.
            (4, &[(0, 2), (2, 0), (1, 3), (3, 1), (0, 1)], vec![vec![0, 2], vec![1, 3]]),
            // Two circles with a node in common are one.
            (3, &[(0, 1), (1, 0), (1, 2), (2, 1)], vec![vec![0, 1, 2]]),
        ] {
            assert_eq!(graph(nodes, arrows).circles(), expected, "{arrows:?}");
        }
    }

    #[test]
    fn a_node_stands_above_all_that_its_arrows_lead_to() {
        for (nodes, arrows, expected) in [
            (2, &[][..], vec![1, 1]),
            (3, &[(0, 1), (1, 2), (0, 2)], vec![3, 2, 1]),
            (4, &[(3, 1), (1, 0), (2, 0)], vec![1, 2, 2, 3]),
            // A circle is on one floor, and what is above it one higher.
            (4, &[(0, 1), (1, 2), (2, 1), (2, 3)], vec![3, 2, 2, 1]),
        ] {
            assert_eq!(graph(nodes, arrows).floors(), expected, "{arrows:?}");
        }
    }

    #[test]
    fn a_pair_of_nodes_has_one_arrow_each_way() {
        assert_eq!(graph(3, &[(0, 1), (0, 1), (1, 0), (2, 2)]).size(), 2);
    }
}
