package plane

import (
	"image/color"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// disc is a filled circle with a thin white rim that keeps crowded points
// apart.
type disc struct{}

func (disc) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	var p vg.Path
	p.Move(vg.Point{X: at.X + s.Radius, Y: at.Y})
	p.Arc(at, s.Radius, 0, 2*math.Pi)
	p.Close()
	fillWithRim(c, s, p)
}

// diamond is a filled square on its corner.
type diamond struct{}

func (diamond) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	var p vg.Path
	p.Move(vg.Point{X: at.X + s.Radius, Y: at.Y})
	p.Line(vg.Point{X: at.X, Y: at.Y + s.Radius})
	p.Line(vg.Point{X: at.X - s.Radius, Y: at.Y})
	p.Line(vg.Point{X: at.X, Y: at.Y - s.Radius})
	p.Close()
	fillWithRim(c, s, p)
}

func fillWithRim(c *draw.Canvas, s draw.GlyphStyle, p vg.Path) {
	c.SetColor(s.Color)
	c.Fill(p)
	c.SetLineStyle(draw.LineStyle{Color: rim, Width: vg.Points(0.5)})
	c.Stroke(p)
}

// cross is a bold plus with a white rim: a control that has a name, among many
// that have none.
type cross struct{}

func (cross) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	var p vg.Path
	p.Move(vg.Point{X: at.X - s.Radius, Y: at.Y})
	p.Line(vg.Point{X: at.X + s.Radius, Y: at.Y})
	p.Move(vg.Point{X: at.X, Y: at.Y - s.Radius})
	p.Line(vg.Point{X: at.X, Y: at.Y + s.Radius})
	for _, line := range []draw.LineStyle{{Color: color.White, Width: vg.Points(3.4)}, {Color: s.Color, Width: vg.Points(2)}} {
		c.SetLineStyle(line)
		c.Stroke(p)
	}
}

// glyph is what stands for a point.
func glyph(pt Point) draw.GlyphStyle {
	s := styles[pt.Kind]
	g := draw.GlyphStyle{Color: s.colour, Radius: s.radius, Shape: s.shape}
	if pt.Kind == Control && pt.Label != "" {
		opaque := s.colour
		opaque.A = 0xFF
		g = draw.GlyphStyle{Color: opaque, Radius: 5, Shape: cross{}}
	}
	return g
}

// named reports whether a point's label is written.
func named(pt Point) bool { return pt.Kind != Sample && pt.Label != "" }

// labels writes the labels of all points but samples, each beside its point
// where it hides the least, and draws those points above what keeps the text
// legible.
type labels struct {
	points []Point
}

// label is a label that has found its place.
type label struct {
	text string
	mark vg.Rectangle
	box  vg.Rectangle
}

// What a label costs, per square point of what it covers: a named mark and
// another label must stay to be seen, one of hundreds of samples may go.
const (
	costSample = 1
	costNamed  = 40
	costLabel  = 40
	costFrame  = 40  // of the label beyond the frame: it would meet the ticks
	costAway   = 2.5 // a point of distance between label and mark
	costCross  = 400 // a leader that runs through another label or a named mark
)

// Plot implements plot.Plotter.
func (l *labels) Plot(c draw.Canvas, plt *plot.Plot) {
	toX, toY := plt.Transforms(&c)
	style := text.Style{Handler: plt.TextHandler, YAlign: draw.YBottom}
	sans(&style, 9, ink)

	var at []vg.Point
	var marks []vg.Rectangle // of all points
	for _, pt := range l.points {
		p, r := vg.Point{X: toX(pt.X), Y: toY(pt.Y)}, glyph(pt).Radius
		at = append(at, p)
		marks = append(marks, vg.Rectangle{
			Min: vg.Point{X: p.X - r, Y: p.Y - r}, Max: vg.Point{X: p.X + r, Y: p.Y + r},
		})
	}
	placed := l.place(style, marks, c.Rectangle)
	c.SetColor(veil) // keeps text legible on samples
	for _, one := range placed {
		c.Fill(one.box.Path())
	}
	for _, one := range placed {
		if from, to, is := one.leader(); is {
			c.StrokeLine2(draw.LineStyle{Color: faint, Width: vg.Points(0.75)}, from.X, from.Y, to.X, to.Y)
		}
	}
	for i, pt := range l.points {
		if named(pt) {
			c.DrawGlyph(glyph(pt), at[i])
		}
	}
	for _, one := range placed {
		c.FillText(style, one.box.Min.Sub(style.Rectangle(one.text).Min), one.text)
	}
}

// place finds the places of the labels: one after the other, the ensembles'
// first, and then each again now that all others have theirs.
func (l *labels) place(style text.Style, marks []vg.Rectangle, frame vg.Rectangle) []label {
	var placed []label
	var at []int // points of the labels placed
	for _, kind := range []Kind{Ensemble, Method, Single, Control} {
		for i, pt := range l.points {
			if pt.Kind == kind && named(pt) {
				one := l.best(style.Rectangle(pt.Label).Size(), i, marks, placed, frame)
				placed, at = append(placed, one), append(at, i)
			}
		}
	}
	const rounds = 3
	for range rounds {
		for k, i := range at {
			others := slices.Concat(placed[:k], placed[k+1:])
			placed[k] = l.best(placed[k].box.Size(), i, marks, others, frame)
		}
	}
	return placed
}

// best returns the label of point i where it costs the least.
func (l *labels) best(size vg.Point, i int, marks []vg.Rectangle, others []label, frame vg.Rectangle) label {
	best, bestCost := label{}, math.Inf(1)
	for _, place := range beside(marks[i], size) {
		r := vg.Rectangle{Min: place, Max: place.Add(size)}
		this := label{l.points[i].Label, marks[i], r}
		cost := costFrame*outside(r, frame) + costAway*distance(r, marks[i])
		for j, m := range marks {
			if !named(l.points[j]) {
				cost += costSample * overlap(r, m)
				continue
			}
			cost += costNamed * overlap(r, m)
			if j != i && this.leads(m) {
				cost += costCross
			}
		}
		for _, other := range others {
			cost += costLabel * overlap(r, other.box)
			if this.leads(other.box) || other.leads(r) {
				cost += costCross
			}
		}
		if cost < bestCost {
			best, bestCost = this, cost
		}
	}
	return best
}

// labelGap is the space between a mark and its label.
const labelGap = 3

// beside lists the lower left corners a label of the given size may have
// near a mark, the preferred first, and then farther away.
func beside(mark vg.Rectangle, size vg.Point) []vg.Point {
	var out []vg.Point
	for _, gap := range []vg.Length{labelGap, 14, 26, 40} {
		right, left := mark.Max.X+gap, mark.Min.X-gap-size.X
		above, below := mark.Max.Y+gap, mark.Min.Y-gap-size.Y
		midX, midY := (mark.Min.X+mark.Max.X-size.X)/2, (mark.Min.Y+mark.Max.Y-size.Y)/2
		out = append(out,
			vg.Point{X: right, Y: midY}, vg.Point{X: left, Y: midY}, vg.Point{X: midX, Y: above}, vg.Point{X: midX, Y: below},
			vg.Point{X: right, Y: above}, vg.Point{X: right, Y: below}, vg.Point{X: left, Y: above}, vg.Point{X: left, Y: below},
		)
	}
	return out
}

// leader returns the ends of the line from a label to its mark, which there is
// where others may lie between.
func (l label) leader() (from, to vg.Point, is bool) {
	to = vg.Point{X: (l.mark.Min.X + l.mark.Max.X) / 2, Y: (l.mark.Min.Y + l.mark.Max.Y) / 2}
	from = vg.Point{X: min(max(to.X, l.box.Min.X), l.box.Max.X), Y: min(max(to.Y, l.box.Min.Y), l.box.Max.Y)}
	return from, to, distance(l.box, l.mark) >= 2*labelGap
}

// leads reports whether the leader runs through r.
func (l label) leads(r vg.Rectangle) bool {
	from, to, is := l.leader()
	const parts = 24
	for i := 0; is && i <= parts; i++ {
		at := from.Add(to.Sub(from).Scale(vg.Length(i) / parts))
		if at.X > r.Min.X && at.X < r.Max.X && at.Y > r.Min.Y && at.Y < r.Max.Y {
			return true
		}
	}
	return false
}

// distance is how far two rectangles are apart, 0 where they meet.
func distance(a, b vg.Rectangle) float64 {
	x := max(a.Min.X-b.Max.X, b.Min.X-a.Max.X, 0)
	y := max(a.Min.Y-b.Max.Y, b.Min.Y-a.Max.Y, 0)
	return math.Hypot(float64(x), float64(y))
}

// overlap is the area that two rectangles share.
func overlap(a, b vg.Rectangle) float64 {
	w := min(a.Max.X, b.Max.X) - max(a.Min.X, b.Min.X)
	h := min(a.Max.Y, b.Max.Y) - max(a.Min.Y, b.Min.Y)
	if w <= 0 || h <= 0 {
		return 0
	}
	return float64(w * h)
}

// outside is the area of r beyond the frame.
func outside(r, frame vg.Rectangle) float64 {
	size := r.Size()
	return float64(size.X*size.Y) - overlap(r, frame)
}

// ticks sets four to eight ticks on an axis, one, two or five units of some power
// of ten apart.
type ticks struct{}

// Ticks implements plot.Ticker.
func (ticks) Ticks(low, high float64) []plot.Tick {
	rough := (high - low) / 8
	power := math.Floor(math.Log10(rough))
	unit := math.Pow(10, power)
	step := 10 * unit
	for _, s := range []float64{1, 2, 5} {
		if s*unit >= rough {
			step = s * unit
			break
		}
	}
	format, digits := byte('f'), max(0, int(-math.Floor(math.Log10(step)+1e-9)))
	if digits > 6 || math.Abs(high) >= 1e9 || math.Abs(low) >= 1e9 {
		format, digits = 'g', 6
	}
	var out []plot.Tick
	for k := math.Ceil(low / step); k*step <= high && len(out) < 16; k++ {
		v := k*step + 0 // makes -0 a 0
		out = append(out, plot.Tick{Value: v, Label: strconv.FormatFloat(v, format, digits, 64)})
	}
	return out
}
