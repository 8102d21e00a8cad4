package weights

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
)

// Limits of a pickle. The published LDM checkpoint's, with the optimizer's
// state, is under 1 MB; every value costs at least one byte of pickle.
const (
	pickleBytesLimit  = 64 << 20
	pickleValuesLimit = 2 << 20
)

// Values of a pickle are nil, bool, int64, *big.Int, float64, string,
// []byte and the types below. An object of a class is what the pickle says
// about it; no class is looked up and nothing is called.
type (
	pickleTuple  []any
	pickleList   struct{ items []any }
	pickleGlobal struct{ module, name string }
	pickleDict   struct{ keys, values []any }
	// pickleObject is the result of calling class with args. A subclass of
	// dict or list has its content in dict and list.
	pickleObject struct {
		class any
		args  any
		state any
		dict  pickleDict
		list  pickleList
	}
	pickleMark struct{}
)

func (g *pickleGlobal) String() string { return g.module + "." + g.name }

// get returns the value of a string key.
func (d *pickleDict) get(key string) any {
	for i, k := range d.keys {
		if k == key {
			return d.values[i]
		}
	}
	return nil
}

// unpickler is a machine for pickle protocols 0 to 5 that builds data only.
// A library was not used because those in Go allocate what a header claims,
// format cyclic values in errors (which overflows the stack), or stop at
// classes they do not know.
type unpickler struct {
	r      *bufio.Reader
	read   int64 // bytes taken from r
	values int   // stack entries, memo entries and containers' items made
	stack  []any
	memo   map[int64]any

	persistent func(id any) (any, error)
	// construct may give a value for a call of class with args; ok is false
	// where the result is to be a pickleObject.
	construct func(class *pickleGlobal, args pickleTuple) (value any, ok bool, err error)
}

// unpickle reads one pickle from r, up to and with its STOP.
func (u *unpickler) unpickle() (any, error) {
	u.stack, u.memo = nil, map[int64]any{}
	for {
		op, err := u.byte()
		if err != nil {
			return nil, fmt.Errorf("pickle ends without STOP: %w", err)
		}
		if op == '.' {
			return u.pop()
		}
		if err := u.step(op); err != nil {
			return nil, fmt.Errorf("pickle, byte %d, opcode %q: %w", u.read, rune(op), err)
		}
	}
}

var errPickleTooLarge = fmt.Errorf("more than %d bytes or %d values", pickleBytesLimit, pickleValuesLimit)

func (u *unpickler) byte() (byte, error) {
	b, err := u.r.ReadByte()
	u.read++
	if err == nil && u.read > pickleBytesLimit {
		return 0, errPickleTooLarge
	}
	return b, err
}

// bytes reads n bytes. Memory grows with what is read, not with n.
func (u *unpickler) bytes(n uint64) ([]byte, error) {
	if n > uint64(pickleBytesLimit-u.read) {
		return nil, errPickleTooLarge
	}
	u.read += int64(n)
	if n <= 1<<16 {
		b := make([]byte, n)
		_, err := io.ReadFull(u.r, b)
		return b, err
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, u.r, int64(n)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (u *unpickler) line() (string, error) {
	var line []byte
	for {
		b, err := u.byte()
		if err != nil {
			return "", err
		}
		if b == '\n' {
			return string(bytes.TrimSuffix(line, []byte{'\r'})), nil
		}
		line = append(line, b)
	}
}

// uint reads a little-endian unsigned number of 1, 2, 4 or 8 bytes.
func (u *unpickler) uint(width uint64) (uint64, error) {
	b, err := u.bytes(width)
	if err != nil {
		return 0, err
	}
	var full [8]byte
	copy(full[:], b)
	return binary.LittleEndian.Uint64(full[:]), nil
}

// prefixed reads bytes with their length before them.
func (u *unpickler) prefixed(width uint64) ([]byte, error) {
	n, err := u.uint(width)
	if err != nil {
		return nil, err
	}
	return u.bytes(n)
}

func (u *unpickler) count(n int) error {
	if u.values += n; u.values > pickleValuesLimit {
		return errPickleTooLarge
	}
	return nil
}

func (u *unpickler) push(v any) error {
	u.stack = append(u.stack, v)
	return u.count(1)
}

var errStack = errors.New("the stack is empty")

func (u *unpickler) pop() (any, error) {
	if len(u.stack) == 0 {
		return nil, errStack
	}
	v := u.stack[len(u.stack)-1]
	u.stack = u.stack[:len(u.stack)-1]
	return v, nil
}

func (u *unpickler) top() (any, error) {
	if len(u.stack) == 0 {
		return nil, errStack
	}
	return u.stack[len(u.stack)-1], nil
}

// popMark removes and returns what lies above the last mark.
func (u *unpickler) popMark() ([]any, error) {
	for i := len(u.stack) - 1; i >= 0; i-- {
		if _, ok := u.stack[i].(pickleMark); ok {
			items := append([]any(nil), u.stack[i+1:]...)
			u.stack = u.stack[:i]
			return items, u.count(len(items))
		}
	}
	return nil, errors.New("no mark on the stack")
}

func (u *unpickler) popN(n int) ([]any, error) {
	if len(u.stack) < n {
		return nil, errStack
	}
	items := append([]any(nil), u.stack[len(u.stack)-n:]...)
	u.stack = u.stack[:len(u.stack)-n]
	return items, u.count(n)
}

// pushBytes pushes b as text, whose lone surrogates stay as they are in the
// file, or as bytes.
func (u *unpickler) pushBytes(b []byte, err error, text bool) error {
	if err != nil {
		return err
	}
	if text {
		return u.push(string(b))
	}
	return u.push(b)
}

// pushLong pushes a little-endian two's complement number.
func (u *unpickler) pushLong(b []byte, err error) error {
	if err != nil {
		return err
	}
	if len(b) <= 8 {
		var full [8]byte
		copy(full[:], b)
		v := int64(binary.LittleEndian.Uint64(full[:]))
		shift := 64 - 8*len(b)
		return u.push(v << shift >> shift)
	}
	be := make([]byte, len(b))
	for i, c := range b {
		be[len(b)-1-i] = c
	}
	v := new(big.Int).SetBytes(be)
	if b[len(b)-1]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return u.push(v)
}

// pushNumber pushes the decimal integer of a protocol 0 line.
func (u *unpickler) pushNumber(text string) error {
	if v, err := strconv.ParseInt(text, 10, 64); err == nil {
		return u.push(v)
	}
	if len(text) > 1000 { // parsing takes quadratic time
		return errors.New("an integer of more than 1000 digits")
	}
	v, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return errors.New("not an integer")
	}
	return u.push(v)
}

func (u *unpickler) get(key int64) error {
	v, ok := u.memo[key]
	if !ok {
		return fmt.Errorf("memo %d is not set", key)
	}
	return u.push(v)
}

func (u *unpickler) put(key int64) error {
	v, err := u.top()
	if err != nil {
		return err
	}
	u.memo[key] = v
	return u.count(1)
}

// call gives the result of class(*args).
func (u *unpickler) call(class any, args any) (any, error) {
	tuple, _ := args.(pickleTuple)
	if g, ok := class.(*pickleGlobal); ok {
		switch g.String() {
		case "collections.OrderedDict", "builtins.dict", "__builtin__.dict":
			return u.newDict(tuple)
		case "builtins.list", "__builtin__.list", "builtins.set", "__builtin__.set":
			l := &pickleList{}
			if len(tuple) == 1 {
				if from, ok := tuple[0].(*pickleList); ok {
					l.items = append(l.items, from.items...)
				}
			}
			return l, u.count(len(l.items))
		}
		if u.construct != nil {
			if v, ok, err := u.construct(g, tuple); ok || err != nil {
				return v, err
			}
		}
	}
	return &pickleObject{class: class, args: args}, nil
}

// newDict is dict(pairs), as Python 2 pickled an OrderedDict.
func (u *unpickler) newDict(args pickleTuple) (any, error) {
	d := &pickleDict{}
	if len(args) == 0 {
		return d, nil
	}
	pairs, ok := args[0].(*pickleList)
	if !ok {
		return d, nil
	}
	if err := u.count(2 * len(pairs.items)); err != nil {
		return nil, err
	}
	for _, p := range pairs.items {
		var kv []any
		switch p := p.(type) {
		case *pickleList:
			kv = p.items
		case pickleTuple:
			kv = p
		}
		if len(kv) != 2 {
			return nil, errors.New("a dict of something else than pairs")
		}
		d.keys, d.values = append(d.keys, kv[0]), append(d.values, kv[1])
	}
	return d, nil
}

// set stores items, key after value, in a dict or an object.
func (u *unpickler) set(into any, items []any) error {
	var d *pickleDict
	switch v := into.(type) {
	case *pickleDict:
		d = v
	case *pickleObject:
		d = &v.dict
	default:
		return fmt.Errorf("items for a %T", into)
	}
	if len(items)%2 != 0 {
		return errors.New("a key without a value")
	}
	for i := 0; i < len(items); i += 2 {
		d.keys, d.values = append(d.keys, items[i]), append(d.values, items[i+1])
	}
	return nil
}

func (u *unpickler) extend(into any, items []any) error {
	switch v := into.(type) {
	case *pickleList:
		v.items = append(v.items, items...)
	case *pickleObject:
		v.list.items = append(v.list.items, items...)
	default:
		return fmt.Errorf("items for a %T", into)
	}
	return nil
}

// build gives an object its state; a dict keeps its items only.
func build(object, state any) {
	if o, ok := object.(*pickleObject); ok {
		o.state = state
	}
}

func bigEndianFloat(b []byte) float64 { return math.Float64frombits(binary.BigEndian.Uint64(b)) }
