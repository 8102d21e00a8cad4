// Package plane draws an SR space: the plane of fidelity and perception
// (Fig. 2 of Korkmaz et al., "Trustworthy SR"), walls of samples and rows of
// pictures to compare, and what package variety finds: maps of disagreement,
// directions, trees of clusters.
//
// It knows neither metrics nor models: scores reach it as numbers, pictures
// as [srspace.Image].
package plane

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/finite"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

var (
	// ErrEmpty is what errors about nothing to draw wrap.
	ErrEmpty = errors.New("nothing to draw")

	// ErrSize is what errors about sizes that cannot be drawn wrap.
	ErrSize = errors.New("size cannot be drawn")
)

// Kind says what a point stands for; each kind has its own colour and shape.
type Kind int

const (
	Sample   Kind = iota // one draw from the SR space
	Single               // the single sample drawn at random that stands for "any one"
	Method               // another SR method, such as bicubic
	Ensemble             // an image combined from chosen samples
	Control              // an image combined from samples that nobody chose
)

// styles holds what marks a kind: colours of Okabe and Ito, "Color Universal
// Design" (2008), which stay apart for the colour-blind and, with the shapes,
// in grey print.
var styles = [...]struct {
	name   string
	shape  draw.GlyphDrawer
	radius vg.Length
	colour color.NRGBA
}{
	Sample:   {"sample", disc{}, 2.4, color.NRGBA{0x56, 0xB4, 0xE9, 0xB4}},
	Single:   {"single random sample", disc{}, 4.2, color.NRGBA{0x00, 0x72, 0xB2, 0xFF}},
	Method:   {"other method", draw.BoxGlyph{}, 3.8, color.NRGBA{0x40, 0x40, 0x40, 0xFF}},
	Ensemble: {"ensemble", diamond{}, 5.4, color.NRGBA{0xD5, 0x5E, 0x00, 0xFF}},
	Control:  {"control ensemble", draw.PlusGlyph{}, 2.6, color.NRGBA{0x80, 0x60, 0x00, 0xC0}},
}

// String returns the kind's name in the legend.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(styles) {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return styles[k].name
}

// Point is an image on the plane.
type Point struct {
	Label string // written beside the point, except for samples
	X, Y  float64
	Kind  Kind
}

// Plane is a scatter plot of images by two metrics.
type Plane struct {
	Title          string
	XLabel, YLabel string // e.g. "PSNR (dB) ↑", "LPIPS ↓"
	Points         []Point

	// Legend names kinds in the legend otherwise than they name themselves;
	// may be nil.
	Legend map[Kind]string
}

// New returns a plane of a copy of points.
func New(title, xLabel, yLabel string, points []Point) *Plane {
	return &Plane{Title: title, XLabel: xLabel, YLabel: yLabel, Points: slices.Clone(points)}
}

// dpi of a PNG: twice what a screen assumes, so that text is crisp.
const dpi = 192

// maxSide is the longest side of a figure.
const maxSide = 100 * vg.Inch

// WritePNG writes the plane as a PNG of the given size at 192 dots an inch.
// Points with an infinite or undefined coordinate, as PSNR has for equal
// images, are left out and named below the plot. It fails with an error that
// wraps [ErrEmpty] when no point remains, [ErrSize] when the size is below an
// inch or above a hundred.
func (p *Plane) WritePNG(w io.Writer, width, height vg.Length) error {
	if err := checkSide(width, height); err != nil {
		return fmt.Errorf("plane: %w", err)
	}
	canvas := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))
	if err := p.draw(draw.New(canvas)); err != nil {
		return fmt.Errorf("plane: %w", err)
	}
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(w); err != nil {
		return fmt.Errorf("plane: write PNG: %w", err)
	}
	return nil
}

// WriteSVG writes the plane as an SVG of the given size, otherwise as
// WritePNG does. Text stays text, in Liberation Sans, Arial or the viewer's
// own sans-serif font.
func (p *Plane) WriteSVG(w io.Writer, width, height vg.Length) error {
	if err := checkSide(width, height); err != nil {
		return fmt.Errorf("plane: %w", err)
	}
	canvas := vgsvg.New(width, height)
	if err := p.draw(draw.New(canvas)); err != nil {
		return fmt.Errorf("plane: %w", err)
	}
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return fmt.Errorf("plane: write SVG: %w", err)
	}
	// Without a fallback a viewer would set its serif font; Arial has the
	// same widths.
	out := bytes.ReplaceAll(svg.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,sans-serif;"))
	if _, err := w.Write(out); err != nil {
		return fmt.Errorf("plane: write SVG: %w", err)
	}
	return nil
}

func checkSide(width, height vg.Length) error {
	for _, side := range []vg.Length{width, height} {
		if !(side >= vg.Inch && side <= maxSide) {
			return fmt.Errorf("%.4g × %.4g inches: %w", width/vg.Inch, height/vg.Inch, ErrSize)
		}
	}
	return nil
}

// split returns the points that can be drawn and those that cannot.
func (p *Plane) split() (drawn, dropped []Point) {
	for _, pt := range p.Points {
		if !finite.Is(pt.X) || !finite.Is(pt.Y) {
			dropped = append(dropped, pt)
		} else {
			drawn = append(drawn, pt)
		}
	}
	return drawn, dropped
}

// note says in words which points are not drawn, "" for none.
func note(dropped []Point) string {
	if len(dropped) == 0 {
		return ""
	}
	var names []string
	unnamed := 0
	for _, pt := range dropped {
		if pt.Label == "" || len(names) == 3 {
			unnamed++
			continue
		}
		names = append(names, pt.Label)
	}
	switch {
	case len(names) == 0:
		names = append(names, fmt.Sprint(unnamed))
	case unnamed > 0:
		names = append(names, fmt.Sprintf("%d more", unnamed))
	}
	return "not drawn, infinite or undefined: " + strings.Join(names, ", ")
}

var (
	ink   = color.Gray{0x26}
	faint = color.Gray{0x70}
	grid  = color.Gray{0xE6}
	veil  = color.NRGBA{0xFF, 0xFF, 0xFF, 0x98}
	rim   = color.NRGBA{0xFF, 0xFF, 0xFF, 0xC0}
)

const margin = 8 // points around everything

func (p *Plane) draw(c draw.Canvas) error {
	finite, dropped := p.split()
	if len(finite) == 0 {
		return fmt.Errorf("%d points, none with finite coordinates: %w", len(p.Points), ErrEmpty)
	}
	for _, pt := range finite {
		if pt.Kind < 0 || int(pt.Kind) >= len(styles) {
			return fmt.Errorf("point %q is of an unknown kind, %d", pt.Label, int(pt.Kind))
		}
	}

	plt := plot.New()
	plt.Title.Text, plt.X.Label.Text, plt.Y.Label.Text = p.Title, p.XLabel, p.YLabel
	plt.Title.Padding = vg.Points(8)
	sans(&plt.Title.TextStyle, 13, ink)
	for _, axis := range []*plot.Axis{&plt.X, &plt.Y} {
		sans(&axis.Label.TextStyle, 11, ink)
		sans(&axis.Tick.Label, 9, ink)
		axis.Label.Padding = vg.Points(4)
		axis.Color, axis.Tick.Color = faint, faint
		axis.Padding = 0
		axis.Tick.Length = vg.Points(4)
		axis.Tick.Marker = ticks{}
	}
	lines := plotter.NewGrid()
	lines.Vertical.Color, lines.Horizontal.Color = grid, grid
	plt.Add(lines)

	legend := map[Kind]plot.Legend{}
	// Controls lie below all else: they are the ground that the others stand
	// out from.
	for _, kind := range []Kind{Control, Sample, Single, Method, Ensemble} {
		s := styles[kind]
		var xys plotter.XYs
		for _, pt := range finite {
			if pt.Kind == kind {
				xys = append(xys, plotter.XY{X: pt.X, Y: pt.Y})
			}
		}
		if xys == nil {
			continue
		}
		scatter, err := plotter.NewScatter(xys)
		if err != nil {
			return err
		}
		scatter.GlyphStyle = draw.GlyphStyle{Color: s.colour, Radius: s.radius, Shape: s.shape}
		plt.Add(scatter)
		name := s.name
		if own := p.Legend[kind]; own != "" {
			name = own
		}
		if (kind == Sample || kind == Control) && len(xys) > 1 {
			name = fmt.Sprintf("%d %ss", len(xys), name)
		}
		entry := plot.NewLegend()
		entry.Top, entry.Left = true, true
		entry.ThumbnailWidth = vg.Points(12)
		sans(&entry.TextStyle, 9, ink)
		entry.Add(name, scatter)
		legend[kind] = entry
	}
	var entries []plot.Legend
	for _, kind := range slices.Sorted(maps.Keys(legend)) {
		entries = append(entries, legend[kind])
	}
	widen(&plt.X)
	widen(&plt.Y)
	plt.Add(&labels{points: finite})

	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	c = draw.Crop(c, margin, -margin, margin, -margin)
	if text := note(dropped); text != "" {
		style := plt.X.Tick.Label
		sans(&style, 8, faint)
		style.XAlign, style.YAlign = draw.XLeft, draw.YBottom
		c.FillText(style, c.Min, text)
		c = draw.Crop(c, 0, 0, style.Rectangle(text).Size().Y+6, 0)
	}
	if len(entries) > 1 {
		c = drawLegend(c, entries)
	}
	plt.Draw(c)
	return nil
}

// drawLegend writes the entries side by side at the bottom of c, in as many
// lines as they need, and returns the canvas above them.
func drawLegend(c draw.Canvas, entries []plot.Legend) draw.Canvas {
	const space, line, above = 16, 14, 8
	var lines [][]plot.Legend
	var widths []vg.Length // of lines
	for _, e := range entries {
		w := e.Rectangle(c).Size().X + space
		if last := len(lines) - 1; last >= 0 && widths[last]+w <= c.Size().X+space {
			lines[last] = append(lines[last], e)
			widths[last] += w
			continue
		}
		lines, widths = append(lines, []plot.Legend{e}), append(widths, w)
	}
	height := vg.Length(line * len(lines))
	for i, entries := range lines {
		left := max(0, (c.Size().X-widths[i]+space)/2)
		for _, e := range entries {
			e.Draw(draw.Crop(c, left, 0, 0, height-vg.Length(line*i)-c.Size().Y))
			left += e.Rectangle(c).Size().X + space
		}
	}
	return draw.Crop(c, 0, 0, height+above, 0)
}

// sans sets a text style to Liberation Sans of a size in points.
func sans(s *text.Style, size vg.Length, c color.Color) {
	s.Font.Typeface, s.Font.Variant, s.Font.Size = "Liberation", font.Variant("Sans"), size
	s.Color = c
}

// widen leaves room between the outermost points and the frame.
func widen(a *plot.Axis) {
	room := 0.07 * (a.Max - a.Min)
	if room == 0 {
		room = max(0.05*math.Abs(a.Max), 1e-6)
	}
	a.Min -= room
	a.Max += room
}
