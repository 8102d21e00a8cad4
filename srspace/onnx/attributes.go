package onnx

// attribute returns a node's attribute, nil where it has none.
func (n *node) attribute(name string) *attribute {
	for _, a := range n.attributes {
		if a.name == name {
			return a
		}
	}
	return nil
}

func (n *node) integer(name string, otherwise int) int {
	if a := n.attribute(name); a != nil {
		return int(a.i)
	}
	return otherwise
}

func (n *node) float(name string, otherwise float64) float64 {
	if a := n.attribute(name); a != nil {
		return float64(a.f)
	}
	return otherwise
}

func (n *node) text(name, otherwise string) string {
	if a := n.attribute(name); a != nil {
		return a.s
	}
	return otherwise
}

// list returns an attribute of type INTS.
func (n *node) list(name string, otherwise ...int) []int {
	if a := n.attribute(name); a != nil {
		return toInts(a.ints)
	}
	return otherwise
}

func toInts(v []int64) []int {
	out := make([]int, len(v))
	for i := range v {
		out[i] = int(v[i])
	}
	return out
}
