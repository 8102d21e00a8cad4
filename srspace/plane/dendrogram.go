package plane

import (
	"fmt"
	"image"
	"image/draw"
	"math"
	"slices"
	"strconv"

	"github.com/trustsr/trustsr/srspace/picture"
	"github.com/trustsr/trustsr/srspace/variety"
)

// Dendrogram returns a tree of clusters, lying on its side: the root on the
// left, its leaves in rows on the right, each with its name, of one or more
// lines, and pictures of what is in it. A fork stands where the scale below
// has the height of its merge. names and pictures are in the order of the
// tree's samples, as [variety.Tree.Above] numbers them; the rows are in the
// order of [variety.Tree.Order]. It fails with an error that wraps
// [ErrEmpty] or [ErrSize].
func Dendrogram(tree *variety.Tree, unit string, names [][]string, pictures [][]*picture.Image) (*image.NRGBA, error) {
	if tree.Samples < 1 || len(names) != tree.Samples || len(pictures) != tree.Samples {
		return nil, fmt.Errorf("dendrogram of %d leaves, %d names, %d rows of pictures: %w", tree.Samples, len(names), len(pictures), ErrEmpty)
	}
	order := tree.Order()
	var rowNames [][]string
	var rows [][]*picture.Image
	for _, leaf := range order {
		rowNames, rows = append(rowNames, names[leaf]), append(rows, pictures[leaf])
	}
	leaves, err := Grid(nil, rowNames, rows)
	if err != nil {
		return nil, fmt.Errorf("dendrogram: %w", err)
	}
	w, err := newWriter()
	if err != nil {
		return nil, fmt.Errorf("dendrogram: %w", err)
	}
	const wide, foot = 240, 44 // pixels, of the branches and of the scale
	out, err := sheet(margin+wide+leaves.Bounds().Dx(), leaves.Bounds().Dy()+foot)
	if err != nil {
		return nil, fmt.Errorf("dendrogram: %w", err)
	}
	draw.Draw(out, leaves.Bounds().Add(image.Pt(margin+wide, 0)), leaves, image.Point{}, draw.Src)
	w.pen.Dst = out

	highest := 0.0
	for _, m := range tree.Merges {
		highest = max(highest, m.Height)
	}
	end := margin + wide - 4
	x := func(height float64) int { // of a merge
		if highest == 0 {
			return end
		}
		return end - int(math.Round(height/highest*(wide-24)))
	}
	step := (leaves.Bounds().Dy() - 2*margin + rowGap/2) / len(order)
	type branch struct{ x, y int }
	branches := make([]branch, tree.Samples, tree.Samples+len(tree.Merges))
	for leaf := range branches {
		branches[leaf] = branch{end, margin + slices.Index(order, leaf)*step + (step-rowGap/2)/2}
	}
	for _, m := range tree.Merges {
		a, b, at := branches[m.A], branches[m.B], x(m.Height)
		line(out, at, a.y, a.x, a.y)
		line(out, at, b.y, b.x, b.y)
		line(out, at, min(a.y, b.y), at, max(a.y, b.y))
		branches = append(branches, branch{at, (a.y + b.y) / 2})
	}
	root := branches[len(branches)-1]
	line(out, root.x-8, root.y, root.x, root.y)

	base := leaves.Bounds().Dy() + 2
	if highest > 0 {
		line(out, x(highest), base, end, base)
		for _, tick := range (ticks{}).Ticks(0, highest) {
			line(out, x(tick.Value), base, x(tick.Value), base+4)
		}
		w.left("0", end-w.width("0")/2, base+4+captionSize+2)
		top := strconv.FormatFloat(highest, 'g', 3, 64)
		w.left(top, max(0, x(highest)-w.width(top)/2), base+4+captionSize+2)
		w.centred(unit, (x(highest)+end)/2, base+4+captionSize+2)
	}
	return out, nil
}

// line draws a level or upright line two pixels wide, ends included.
func line(dst draw.Image, x0, y0, x1, y1 int) {
	r := image.Rect(x0, y0, x1, y1)
	draw.Draw(dst, image.Rectangle{r.Min, r.Max.Add(image.Pt(2, 2))}, image.NewUniform(faint), image.Point{}, draw.Src)
}
