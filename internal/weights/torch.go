package weights

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"sort"
	"strings"
)

// storageTypes are torch's storage classes and dtypes by element type.
var storageTypes = map[string]string{
	"FloatStorage": "F32", "DoubleStorage": "F64", "HalfStorage": "F16", "BFloat16Storage": "BF16",
	"LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8", "BoolStorage": "BOOL",
}

// torchStorage is a run of elements in the file.
type torchStorage struct {
	dtype  string
	count  int64 // elements
	offset int64 // bytes, in the file
}

// torchTensor is a view of a storage.
type torchTensor struct {
	storage       *torchStorage
	offset        int64 // elements
	shape, stride []int
}

// openZip reads what torch.save writes since version 1.6: a zip archive with
// a pickle data.pkl and one uncompressed member a storage.
func (f *File) openZip() error {
	z, err := zip.NewReader(f.data, f.size)
	if err != nil {
		return err
	}
	members := make(map[string]*zip.File, len(z.File))
	prefix, found := "", false
	for _, m := range z.File {
		members[m.Name] = m
		if dir, ok := strings.CutSuffix(m.Name, "data.pkl"); ok && (dir == "" || dir[len(dir)-1] == '/') && (!found || len(dir) < len(prefix)) {
			prefix, found = dir, true
		}
	}
	if !found {
		return errors.New("a zip archive without the data.pkl of torch.save")
	}
	if m := members[prefix+"byteorder"]; m != nil {
		order, err := readMember(m, 16)
		if err != nil || strings.TrimSpace(string(order)) != "little" {
			return fmt.Errorf("byte order %q", order)
		}
	}
	data, err := members[prefix+"data.pkl"].Open()
	if err != nil {
		return fmt.Errorf("data.pkl: %w", err)
	}
	defer data.Close()
	storages := map[string]*torchStorage{}
	u := &unpickler{r: bufio.NewReader(data), construct: constructTorch}
	u.persistent = func(id any) (any, error) {
		key, s, _, err := persistentStorage(id)
		if err != nil || s == nil {
			return nil, err
		}
		if known := storages[key]; known != nil {
			return known, nil
		}
		m := members[prefix+"data/"+key]
		if m == nil {
			return nil, fmt.Errorf("storage %q is not in the archive", key)
		}
		if m.Method != zip.Store {
			return nil, fmt.Errorf("storage %q is compressed, which torch.save never does; unpack and store it", key)
		}
		if s.offset, err = m.DataOffset(); err != nil {
			return nil, err
		}
		width := elementSize[s.dtype]
		if s.dtype == "" { // an untyped storage counts bytes
			width = 1
		}
		if width > 0 && s.count > int64(m.UncompressedSize64)/width {
			return nil, fmt.Errorf("storage %q of %d elements has %d bytes", key, s.count, m.UncompressedSize64)
		}
		storages[key] = s
		return s, nil
	}
	root, err := u.unpickle()
	if err != nil {
		return fmt.Errorf("data.pkl: %w", err)
	}
	return f.adopt(root)
}

func readMember(m *zip.File, limit int64) ([]byte, error) {
	r, err := m.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, limit))
}

// Magic number and protocol of torch.save before 1.6 (torch/serialization.py).
const (
	legacyMagic    = "1950a86a20f9469cfc6c"
	legacyProtocol = 1001
)

// openLegacy reads torch.save's older format: pickles of the magic number, the
// protocol, facts about the system, the object and its storages' keys, then
// each storage: a count and the elements.
func (f *File) openLegacy() error {
	storages := map[string]*torchStorage{}
	views := map[string]*torchStorage{}
	type view struct {
		of, view *torchStorage
		offset   int64
	}
	var later []view
	u := &unpickler{r: bufio.NewReader(io.NewSectionReader(f.data, 0, f.size)), construct: constructTorch}
	u.persistent = func(id any) (any, error) {
		key, s, extra, err := persistentStorage(id)
		if err != nil || s == nil {
			return nil, err
		}
		if storages[key] == nil {
			s.offset = -1
			storages[key] = s
		}
		root := storages[key]
		v, ok := extra.(pickleTuple)
		if !ok {
			return root, nil
		}
		// a view: its key, its offset in elements, its count
		if len(v) != 3 {
			return nil, fmt.Errorf("storage view %v", len(v))
		}
		viewKey, ok1 := v[0].(string)
		offset, ok2 := v[1].(int64)
		count, ok3 := v[2].(int64)
		if !ok1 || !ok2 || !ok3 || offset < 0 || count < 0 || offset > root.count || count > root.count-offset {
			return nil, errors.New("storage view outside its storage")
		}
		if views[viewKey] == nil {
			w := &torchStorage{dtype: root.dtype, count: count, offset: -1}
			views[viewKey] = w
			later = append(later, view{root, w, offset})
		}
		return views[viewKey], nil
	}
	magic, err := u.unpickle()
	if b, ok := magic.(*big.Int); err != nil || !ok || b.Text(16) != legacyMagic {
		return errors.Join(errors.New("not a torch.save file: the magic number is missing"), err)
	}
	if protocol, err := u.unpickle(); err != nil || protocol != int64(legacyProtocol) {
		return errors.Join(fmt.Errorf("torch.save protocol other than %d", legacyProtocol), err)
	}
	if system, err := u.unpickle(); err != nil {
		return err
	} else if d, ok := system.(*pickleDict); ok && d.get("little_endian") == false {
		return errors.New("written on a big-endian machine")
	}
	root, err := u.unpickle()
	if err != nil {
		return err
	}
	keys, err := u.unpickle()
	if err != nil {
		return err
	}
	list, ok := keys.(*pickleList)
	if !ok {
		return errors.New("no list of storages")
	}
	at := u.read
	for _, k := range list.items {
		key, _ := k.(string)
		s := storages[key]
		if s == nil || s.offset >= 0 {
			return fmt.Errorf("storage %q is unknown or there twice", key)
		}
		var b [8]byte
		if err := f.bytes(b[:], at); err != nil {
			return fmt.Errorf("storage %q: %w", key, err)
		}
		count, width := int64(binary.LittleEndian.Uint64(b[:])), elementSize[s.dtype]
		if width == 0 {
			return fmt.Errorf("storage %q: element type %s is not supported", key, s.dtype)
		}
		if count != s.count || count > (f.size-at-8)/width {
			return fmt.Errorf("storage %q has %d elements in a file of %d bytes, expected %d", key, count, f.size, s.count)
		}
		s.offset = at + 8
		at = s.offset + count*width
	}
	for _, v := range later {
		if v.of.offset >= 0 {
			v.view.offset = v.of.offset + v.offset*elementSize[v.of.dtype]
		}
	}
	return f.adopt(root)
}

// persistentStorage reads a persistent id: ("storage", class, key, location,
// count[, view]). The storage is nil for a "module".
func persistentStorage(id any) (key string, s *torchStorage, view any, err error) {
	tuple, ok := id.(pickleTuple)
	if ok && len(tuple) > 0 && tuple[0] == any("module") {
		return "", nil, nil, nil
	}
	if !ok || len(tuple) < 5 || tuple[0] != any("storage") {
		return "", nil, nil, errors.New("a persistent id that is no storage")
	}
	class, ok1 := tuple[1].(*pickleGlobal)
	key, ok2 := tuple[2].(string)
	count, ok3 := tuple[4].(int64)
	if !ok1 || !ok2 || !ok3 || count < 0 {
		return "", nil, nil, errors.New("a storage without class, key or size")
	}
	s = &torchStorage{dtype: storageTypes[class.name], count: count}
	if s.dtype == "" && class.name != "UntypedStorage" {
		s.dtype = class.String()
	}
	if len(tuple) > 5 {
		view = tuple[5]
	}
	return key, s, view, nil
}

// constructTorch gives tensors, parameters and sizes; other classes stay
// inert.
func constructTorch(class *pickleGlobal, args pickleTuple) (any, bool, error) {
	switch class.String() {
	case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3":
		t, err := rebuildTensor(args)
		return t, true, err
	case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state", "torch.Size":
		if len(args) == 0 {
			return nil, true, errors.New("nothing to rebuild")
		}
		return args[0], true, nil
	}
	return nil, false, nil
}

// rebuildTensor reads (storage, offset, size, stride, …) and for version 3
// the dtype as the seventh.
func rebuildTensor(args pickleTuple) (*torchTensor, error) {
	if len(args) < 4 {
		return nil, errors.New("a tensor without storage, offset, size or stride")
	}
	s, ok1 := args[0].(*torchStorage)
	offset, ok2 := args[1].(int64)
	shape, ok3 := intTuple(args[2])
	stride, ok4 := intTuple(args[3])
	if !ok1 || !ok2 || !ok3 || !ok4 || len(shape) != len(stride) || len(shape) > 64 {
		return nil, errors.New("a tensor with a malformed storage, offset, size or stride")
	}
	if s.dtype == "" {
		typed := *s
		typed.dtype = "untyped"
		if len(args) > 6 {
			if g, ok := args[6].(*pickleGlobal); ok {
				typed.dtype = dtypeOf(g)
			}
		}
		if width := elementSize[typed.dtype]; width > 0 {
			typed.count /= width
		}
		s = &typed
	}
	t := &torchTensor{s, offset, shape, stride}
	return t, t.check()
}

func dtypeOf(g *pickleGlobal) string {
	if d, ok := map[string]string{"float32": "F32", "float64": "F64", "float16": "F16", "bfloat16": "BF16",
		"int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL"}[g.name]; ok {
		return d
	}
	return g.String()
}

// check makes sure that the view stays within its storage.
func (t *torchTensor) check() error {
	left := t.storage.count - t.offset // elements from the first on
	if t.offset < 0 || left < 0 {
		return fmt.Errorf("offset %d outside a storage of %d elements", t.offset, t.storage.count)
	}
	empty := false
	for _, d := range t.shape {
		if d < 0 {
			return fmt.Errorf("size %v", t.shape)
		}
		empty = empty || d == 0
	}
	if empty {
		return nil
	}
	left-- // elements after the first
	for i, d := range t.shape {
		if s := int64(t.stride[i]); d > 1 {
			if s < 0 || s > left/int64(d-1) {
				return fmt.Errorf("size %v with strides %v and offset %d reaches outside a storage of %d elements", t.shape, t.stride, t.offset, t.storage.count)
			}
			left -= s * int64(d-1)
		}
	}
	if left < 0 {
		return fmt.Errorf("size %v in a storage of %d elements", t.shape, t.storage.count)
	}
	return nil
}

func intTuple(v any) ([]int, bool) {
	var items []any
	switch v := v.(type) {
	case pickleTuple:
		items = v
	case *pickleList:
		items = v.items
	default:
		return nil, false
	}
	out := make([]int, 0, len(items))
	for _, i := range items {
		n, ok := i.(int64)
		if !ok || int64(int(n)) != n {
			return nil, false
		}
		out = append(out, int(n))
	}
	return out, true
}

// adopt finds the tensors in the object of a torch file.
func (f *File) adopt(root any) error {
	dict := asDict(root)
	if dict == nil {
		if o, ok := root.(*pickleObject); ok {
			return fmt.Errorf("holds an object of class %v; save its state_dict() instead", className(o))
		}
		return fmt.Errorf("holds a %T, not a dict of tensors", root)
	}
	f.hyper, _ = plain(dict.get("hyper_parameters"), new(int), 0).(map[string]any)
	dict, err := tensorDict(dict)
	if err != nil {
		return err
	}
	for name, t := range tensorsOf(dict) {
		if t.storage.offset < 0 {
			return fmt.Errorf("tensor %q: its storage is missing", name)
		}
		at := t.storage.offset + t.offset*elementSize[t.storage.dtype]
		f.items[name] = item{dtype: t.storage.dtype, shape: t.shape, stride: t.stride, offset: at}
	}
	return nil
}

// maxNesting is how many dicts inside dicts are looked into.
const maxNesting = 8

// tensorDict finds the dict that holds the tensors: "state_dict", or the one
// dict with tensors, e.g. {"model": {…}}, also inside one another.
func tensorDict(dict *pickleDict) (*pickleDict, error) {
	for range maxNesting {
		if state := asDict(dict.get("state_dict")); state != nil {
			dict = state
			continue
		}
		if len(tensorsOf(dict)) > 0 {
			return dict, nil
		}
		if n := numpyArrays(dict); n > 0 {
			return nil, fmt.Errorf("%d NumPy arrays and no tensors: save the model's state_dict() with torch.save, or turn the arrays into tensors with torch.from_numpy", n)
		}
		var holders []*pickleDict
		for _, v := range dict.values {
			if d := asDict(v); d != nil && holdsTensors(d, maxNesting) {
				holders = append(holders, d)
			}
		}
		if len(holders) != 1 {
			return nil, fmt.Errorf("%d dicts of tensors and no \"state_dict\" among the keys %s", len(holders), keysOf(dict))
		}
		dict = holders[0]
	}
	return nil, fmt.Errorf("more than %d dicts inside one another", maxNesting)
}

func holdsTensors(d *pickleDict, depth int) bool {
	if len(tensorsOf(d)) > 0 || numpyArrays(d) > 0 {
		return true
	}
	for _, v := range d.values {
		if inner := asDict(v); inner != nil && depth > 0 && holdsTensors(inner, depth-1) {
			return true
		}
	}
	return false
}

// numpyArrays counts the values that are arrays of NumPy.
func numpyArrays(d *pickleDict) (n int) {
	for _, v := range d.values {
		if o, ok := v.(*pickleObject); ok {
			if g, ok := o.class.(*pickleGlobal); ok && strings.HasPrefix(g.module, "numpy") && g.name == "_reconstruct" {
				n++
			}
		}
	}
	return n
}

func asDict(v any) *pickleDict {
	switch v := v.(type) {
	case *pickleDict:
		return v
	case *pickleObject: // a subclass of dict
		if len(v.dict.keys) > 0 {
			return &v.dict
		}
	}
	return nil
}

func tensorsOf(d *pickleDict) map[string]*torchTensor {
	out := map[string]*torchTensor{}
	for i, k := range d.keys {
		name, ok := k.(string)
		if t, is := d.values[i].(*torchTensor); ok && is {
			out[name] = t
		}
	}
	return out
}

func keysOf(d *pickleDict) string {
	var keys []string
	for _, k := range d.keys {
		if name, ok := k.(string); ok && len(keys) < 20 {
			keys = append(keys, fmt.Sprintf("%.40q", name))
		}
	}
	sort.Strings(keys)
	return strings.Join(keys, ", ")
}

func className(o *pickleObject) string {
	if g, ok := o.class.(*pickleGlobal); ok {
		return fmt.Sprintf("%.80q", g.String())
	}
	return "unknown"
}

// plain turns a pickled value into Go's, without classes; count and depth
// bound values that contain themselves.
func plain(v any, count *int, depth int) any {
	if *count++; *count > 10_000 || depth > 20 {
		return nil
	}
	list := func(items []any) []any {
		out := make([]any, 0, len(items))
		for _, i := range items {
			if *count > 10_000 {
				break
			}
			out = append(out, plain(i, count, depth+1))
		}
		return out
	}
	switch v := v.(type) {
	case bool, string, float64:
		return v
	case int64:
		return int(v)
	case pickleTuple:
		return list(v)
	case *pickleList:
		return list(v.items)
	}
	if d := asDict(v); d != nil {
		out := map[string]any{}
		for i, k := range d.keys {
			if name, ok := k.(string); ok && *count <= 10_000 {
				out[name] = plain(d.values[i], count, depth+1)
			}
		}
		return out
	}
	return nil
}
