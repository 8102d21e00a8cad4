package variety

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Linkage says how far two clusters are from each other.
type Linkage int

const (
	// Ward joins the two clusters whose union has the least added variance:
	// clusters of like size, one digit each. The height of a merge is
	// √(2|A||B|/(|A|+|B|))·d, d the distance of their means, as in SciPy.
	Ward Linkage = iota

	// Average is the mean distance of all pairs across (UPGMA): outliers stay
	// by themselves.
	Average
)

// String returns "Ward" or "average".
func (l Linkage) String() string {
	if l == Average {
		return "average"
	}
	return "Ward"
}

// Merge joins two clusters. Clusters 0 … n-1 are the samples; merge m makes
// cluster n+m.
type Merge struct {
	A, B   int     // A < B
	Height float64 // in levels of 0 to 255; never falls from merge to merge
	Size   int     // samples in the new cluster
}

// Tree is a hierarchy of clusters: n-1 merges of n samples, in the order and
// numbering of SciPy's linkage matrix.
type Tree struct {
	Samples int
	Linkage Linkage
	Merges  []Merge
}

// Cluster returns the agglomerative clustering of the samples, found in time
// n² with the nearest-neighbour chain (Murtagh, "A survey of recent advances
// in hierarchical clustering algorithms", 1983), which gives the same tree as
// joining the two nearest clusters again and again where no two distances tie.
func (s *Set) Cluster(linkage Linkage) *Tree {
	n := s.Len()
	t := &Tree{Samples: n, Linkage: linkage}
	near := make([][]float64, n) // distances of clusters, squared for Ward
	for i, row := range s.distances() {
		near[i] = slices.Clone(row)
		if linkage == Average {
			for j, v := range row {
				near[i][j] = math.Sqrt(v)
			}
		}
	}
	size := make([]int, n) // 0: merged into another
	for i := range size {
		size[i] = 1
	}
	var chain []int
	for range n - 1 {
		if len(chain) == 0 {
			chain = append(chain, slices.IndexFunc(size, func(k int) bool { return k > 0 }))
		}
		a, b := 0, 0
		for {
			a = chain[len(chain)-1]
			b = -1
			if len(chain) > 1 {
				b = chain[len(chain)-2] // preferred among equals, or the chain might go in circles
			}
			for j := range n {
				if j != a && size[j] > 0 && (b < 0 || near[a][j] < near[a][b]) {
					b = j
				}
			}
			if len(chain) > 1 && b == chain[len(chain)-2] {
				break
			}
			chain = append(chain, b)
		}
		chain = chain[:len(chain)-2]
		a, b = min(a, b), max(a, b)
		height := near[a][b]
		for k := range n {
			if k == a || k == b || size[k] == 0 {
				continue
			}
			near[b][k] = linkage.join(near[a][k], near[b][k], near[a][b], float64(size[a]), float64(size[b]), float64(size[k]))
			near[k][b] = near[b][k]
		}
		size[b] += size[a]
		size[a] = 0
		if linkage == Ward {
			height = math.Sqrt(height)
		}
		t.Merges = append(t.Merges, Merge{A: a, B: b, Height: height})
	}
	t.number()
	return t
}

// join is the formula of Lance and Williams (1967): the distance of the union
// of clusters of sizes a and b from one of size c.
func (l Linkage) join(ac, bc, ab, a, b, c float64) float64 {
	if l == Average {
		return (a*ac + b*bc) / (a + b)
	}
	return ((a+c)*ac + (b+c)*bc - c*ab) / (a + b + c)
}

// number sorts the merges by height and names clusters as the doc of Merge
// says; until then A and B are any samples of the clusters.
func (t *Tree) number() {
	slices.SortStableFunc(t.Merges, func(a, b Merge) int { return cmp.Compare(a.Height, b.Height) })
	parts := newPartition(t.Samples)
	names, sizes := make([]int, t.Samples), make([]int, t.Samples) // by root
	for i := range names {
		names[i], sizes[i] = i, 1
	}
	for m := range t.Merges {
		merge := &t.Merges[m]
		a, b := parts.root(merge.A), parts.root(merge.B)
		merge.A, merge.B = min(names[a], names[b]), max(names[a], names[b])
		merge.Size = sizes[a] + sizes[b]
		root := parts.join(a, b)
		names[root], sizes[root] = t.Samples+m, merge.Size
	}
}

// partition is disjoint sets of samples.
type partition []int

func newPartition(n int) partition {
	p := make(partition, n)
	for i := range p {
		p[i] = i
	}
	return p
}

func (p partition) root(i int) int {
	for p[i] != i {
		p[i] = p[p[i]]
		i = p[i]
	}
	return i
}

func (p partition) join(a, b int) int {
	p[b] = a
	return a
}

// Cut returns the k clusters that are left when the k-1 highest merges are
// taken back: for each the samples in it, in rising order; the largest cluster
// first, of equal ones that with the first sample. It fails with an error that
// wraps [ErrEmpty] when k is below 1 or above the number of samples.
func (t *Tree) Cut(k int) ([][]int, error) {
	if k < 1 || k > t.Samples {
		return nil, fmt.Errorf("%d clusters of %d samples: %w", k, t.Samples, ErrEmpty)
	}
	members := make([][]int, t.Samples, t.Samples+len(t.Merges))
	for i := range members {
		members[i] = []int{i}
	}
	for _, m := range t.Merges[:t.Samples-k] {
		members = append(members, append(slices.Clone(members[m.A]), members[m.B]...))
		members[m.A], members[m.B] = nil, nil
	}
	members = slices.DeleteFunc(members, func(c []int) bool { return c == nil })
	for _, c := range members {
		slices.Sort(c)
	}
	slices.SortFunc(members, func(a, b []int) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a[0], b[0])) })
	return members, nil
}

// Above returns the merges above a cut into k clusters, as a tree whose
// samples are the clusters in the order of [Tree.Cut]: what a dendrogram of k
// leaves shows. Sizes still count samples. Errors are those of Cut.
func (t *Tree) Above(k int) (*Tree, error) {
	clusters, err := t.Cut(k)
	if err != nil {
		return nil, err
	}
	leaf := make([]int, t.Samples) // the cluster of each sample
	for c, members := range clusters {
		for _, i := range members {
			leaf[i] = c
		}
	}
	first := make([]int, 0, t.Samples+len(t.Merges)) // a sample of each cluster
	for i := range t.Samples {
		first = append(first, i)
	}
	for _, m := range t.Merges {
		first = append(first, first[m.A])
	}
	below := t.Samples + t.Samples - k // clusters from here on are above the cut
	name := func(cluster int) int {
		if cluster >= below {
			return cluster - below + k
		}
		return leaf[first[cluster]]
	}
	out := &Tree{Samples: k, Linkage: t.Linkage}
	for _, m := range t.Merges[t.Samples-k:] {
		a, b := name(m.A), name(m.B)
		out.Merges = append(out.Merges, Merge{A: min(a, b), B: max(a, b), Height: m.Height, Size: m.Size})
	}
	return out, nil
}

// Order returns the samples in an order in which no two branches of the tree
// cross, the branch with the lower number first.
func (t *Tree) Order() []int {
	leaves := make([][]int, t.Samples, t.Samples+len(t.Merges))
	for i := range leaves {
		leaves[i] = []int{i}
	}
	for _, m := range t.Merges {
		a, b := leaves[m.A], leaves[m.B]
		if b[0] < a[0] {
			a, b = b, a
		}
		leaves = append(leaves, append(slices.Clone(a), b...))
	}
	return leaves[len(leaves)-1]
}
