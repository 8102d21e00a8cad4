package plane

import (
	"math"
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

// labels writes the labels of all points but samples, each beside its point
// where it hides the least.
type labels struct {
	points []Point
}

// Plot implements plot.Plotter.
func (l *labels) Plot(c draw.Canvas, plt *plot.Plot) {
	toX, toY := plt.Transforms(&c)
	style := text.Style{Handler: plt.TextHandler, YAlign: draw.YBottom}
	sans(&style, 9, ink)

	var marks []vg.Rectangle // of all points
	for _, pt := range l.points {
		at, r := vg.Point{X: toX(pt.X), Y: toY(pt.Y)}, styles[pt.Kind].radius
		marks = append(marks, vg.Rectangle{
			Min: vg.Point{X: at.X - r, Y: at.Y - r}, Max: vg.Point{X: at.X + r, Y: at.Y + r},
		})
	}
	var written []vg.Rectangle
	for i, pt := range l.points {
		if pt.Kind == Sample || pt.Label == "" {
			continue
		}
		box := style.Rectangle(pt.Label)
		size := box.Size()
		best, bestCost := vg.Rectangle{}, math.Inf(1)
		for _, at := range beside(marks[i], size) {
			r := vg.Rectangle{Min: at, Max: at.Add(size)}
			cost := outside(r, c.Rectangle)
			for j, m := range marks {
				if j != i {
					cost += overlap(r, m)
				}
			}
			for _, w := range written {
				cost += 4 * overlap(r, w)
			}
			if cost < bestCost {
				best, bestCost = r, cost
			}
		}
		written = append(written, best)
		c.SetColor(veil) // keeps text legible on samples
		c.Fill(best.Path())
		c.FillText(style, best.Min.Sub(box.Min), pt.Label)
	}
}

// beside lists the lower left corners a label of the given size may have
// near a mark, the preferred first.
func beside(mark vg.Rectangle, size vg.Point) []vg.Point {
	const gap = 3
	right, left := mark.Max.X+gap, mark.Min.X-gap-size.X
	above, below := mark.Max.Y+gap, mark.Min.Y-gap-size.Y
	midX, midY := (mark.Min.X+mark.Max.X-size.X)/2, (mark.Min.Y+mark.Max.Y-size.Y)/2
	return []vg.Point{
		{X: right, Y: midY}, {X: left, Y: midY}, {X: midX, Y: above}, {X: midX, Y: below},
		{X: right, Y: above}, {X: right, Y: below}, {X: left, Y: above}, {X: left, Y: below},
	}
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

// outside weighs the area of r beyond the frame: text there would collide
// with the ticks.
func outside(r, frame vg.Rectangle) float64 {
	size := r.Size()
	return 10 * (float64(size.X*size.Y) - overlap(r, frame))
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
