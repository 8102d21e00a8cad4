package weights

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// step executes one opcode. Names and meanings are those of Python's
// Lib/pickletools.py.
func (u *unpickler) step(op byte) error {
	switch op {
	case '\x80': // PROTO
		v, err := u.byte()
		if err == nil && v > 5 {
			return fmt.Errorf("protocol %d is not known", v)
		}
		return err
	case '\x95': // FRAME: only says how much to read at once
		_, err := u.bytes(8)
		return err

	case '(': // MARK
		return u.push(pickleMark{})
	case '0': // POP
		_, err := u.pop()
		return err
	case '1': // POP_MARK
		_, err := u.popMark()
		return err
	case '2': // DUP
		v, err := u.top()
		if err != nil {
			return err
		}
		return u.push(v)

	case 'N':
		return u.push(nil)
	case '\x88':
		return u.push(true)
	case '\x89':
		return u.push(false)
	case 'K', 'M', 'J': // BININT1, BININT2, BININT
		width := map[byte]uint64{'K': 1, 'M': 2, 'J': 4}[op]
		v, err := u.uint(width)
		if err != nil {
			return err
		}
		if op == 'J' {
			return u.push(int64(int32(v)))
		}
		return u.push(int64(v))
	case 'I': // INT, and the booleans of protocol 0
		text, err := u.line()
		switch {
		case err != nil:
			return err
		case text == "00" || text == "01":
			return u.push(text == "01")
		}
		return u.pushNumber(text)
	case 'L': // LONG
		text, err := u.line()
		if err != nil {
			return err
		}
		return u.pushNumber(strings.TrimSuffix(text, "L"))
	case '\x8a': // LONG1
		b, err := u.prefixed(1)
		return u.pushLong(b, err)
	case '\x8b': // LONG4
		b, err := u.prefixed(4)
		return u.pushLong(b, err)
	case 'F': // FLOAT
		text, err := u.line()
		if err != nil {
			return err
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return errors.New("not a number")
		}
		return u.push(v)
	case 'G': // BINFLOAT
		b, err := u.bytes(8)
		if err != nil {
			return err
		}
		return u.push(bigEndianFloat(b))

	case 'S': // STRING
		text, err := u.line()
		if err != nil {
			return err
		}
		if len(text) < 2 || (text[0] != '\'' && text[0] != '"') || text[len(text)-1] != text[0] {
			return errors.New("a string without quotes")
		}
		return u.push(text[1 : len(text)-1])
	case 'V': // UNICODE
		text, err := u.line()
		if err != nil {
			return err
		}
		return u.push(text)
	case 'U', 'T': // SHORT_BINSTRING, BINSTRING
		b, err := u.prefixed(map[byte]uint64{'U': 1, 'T': 4}[op])
		return u.pushBytes(b, err, true)
	case '\x8c', 'X', '\x8d': // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8
		b, err := u.prefixed(map[byte]uint64{'\x8c': 1, 'X': 4, '\x8d': 8}[op])
		return u.pushBytes(b, err, true)
	case 'C', 'B', '\x8e', '\x96': // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
		b, err := u.prefixed(map[byte]uint64{'C': 1, 'B': 4, '\x8e': 8, '\x96': 8}[op])
		return u.pushBytes(b, err, false)
	case '\x98': // READONLY_BUFFER
		_, err := u.top()
		return err

	case 'p', 'g': // PUT, GET
		text, err := u.line()
		if err != nil {
			return err
		}
		key, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return errors.New("a memo key that is no number")
		}
		if op == 'p' {
			return u.put(key)
		}
		return u.get(key)
	case 'q', 'r', 'h', 'j': // BINPUT, LONG_BINPUT, BINGET, LONG_BINGET
		key, err := u.uint(map[byte]uint64{'q': 1, 'r': 4, 'h': 1, 'j': 4}[op])
		if err != nil {
			return err
		}
		if op == 'q' || op == 'r' {
			return u.put(int64(key))
		}
		return u.get(int64(key))
	case '\x94': // MEMOIZE
		return u.put(int64(len(u.memo)))
	}
	return u.container(op)
}

// container executes the opcodes of containers, classes and objects.
func (u *unpickler) container(op byte) error {
	switch op {
	case ')':
		return u.push(pickleTuple{})
	case 't': // TUPLE
		items, err := u.popMark()
		if err != nil {
			return err
		}
		return u.push(pickleTuple(items))
	case '\x85', '\x86', '\x87': // TUPLE1 to TUPLE3
		items, err := u.popN(int(op-'\x85') + 1)
		if err != nil {
			return err
		}
		return u.push(pickleTuple(items))
	case ']', '\x8f': // EMPTY_LIST, EMPTY_SET
		return u.push(&pickleList{})
	case 'l', '\x91': // LIST, FROZENSET
		items, err := u.popMark()
		if err != nil {
			return err
		}
		return u.push(&pickleList{items})
	case '}':
		return u.push(&pickleDict{})
	case 'd': // DICT
		items, err := u.popMark()
		if err != nil {
			return err
		}
		d := &pickleDict{}
		if err := u.set(d, items); err != nil {
			return err
		}
		return u.push(d)
	case 'a': // APPEND
		items, err := u.popN(1)
		return u.into(items, err, u.extend)
	case 'e', '\x90': // APPENDS, ADDITEMS
		items, err := u.popMark()
		return u.into(items, err, u.extend)
	case 's': // SETITEM
		items, err := u.popN(2)
		return u.into(items, err, u.set)
	case 'u': // SETITEMS
		items, err := u.popMark()
		return u.into(items, err, u.set)

	case 'c': // GLOBAL
		module, err := u.line()
		if err != nil {
			return err
		}
		name, err := u.line()
		if err != nil {
			return err
		}
		return u.push(&pickleGlobal{module, name})
	case '\x93': // STACK_GLOBAL
		v, err := u.popN(2)
		if err != nil {
			return err
		}
		module, ok1 := v[0].(string)
		name, ok2 := v[1].(string)
		if !ok1 || !ok2 {
			return errors.New("a class without a name")
		}
		return u.push(&pickleGlobal{module, name})
	case 'R', '\x81': // REDUCE, NEWOBJ
		v, err := u.popN(2)
		if err != nil {
			return err
		}
		return u.pushCall(v[0], v[1])
	case '\x92': // NEWOBJ_EX: class, args, keyword args
		v, err := u.popN(3)
		if err != nil {
			return err
		}
		return u.pushCall(v[0], v[1])
	case 'o': // OBJ: class and args above a mark
		items, err := u.popMark()
		if err != nil {
			return err
		}
		if len(items) == 0 {
			return errors.New("an object without a class")
		}
		return u.pushCall(items[0], pickleTuple(items[1:]))
	case 'i': // INST: class by name, args above a mark
		module, err := u.line()
		if err != nil {
			return err
		}
		name, err := u.line()
		if err != nil {
			return err
		}
		args, err := u.popMark()
		if err != nil {
			return err
		}
		return u.pushCall(&pickleGlobal{module, name}, pickleTuple(args))
	case 'b': // BUILD
		v, err := u.popN(1)
		if err != nil {
			return err
		}
		object, err := u.top()
		if err != nil {
			return err
		}
		build(object, v[0])
		return nil

	case 'Q': // BINPERSID
		id, err := u.pop()
		if err != nil {
			return err
		}
		return u.pushPersistent(id)
	case 'P': // PERSID
		id, err := u.line()
		if err != nil {
			return err
		}
		return u.pushPersistent(id)
	}
	return errors.New("unknown or unsupported")
}

// into adds items to the container on top of the stack.
func (u *unpickler) into(items []any, err error, add func(into any, items []any) error) error {
	if err != nil {
		return err
	}
	top, err := u.top()
	if err != nil {
		return err
	}
	return add(top, items)
}

func (u *unpickler) pushCall(class, args any) error {
	v, err := u.call(class, args)
	if err != nil {
		return err
	}
	return u.push(v)
}

func (u *unpickler) pushPersistent(id any) error {
	if u.persistent == nil {
		return errors.New("a persistent id outside a torch file")
	}
	v, err := u.persistent(id)
	if err != nil {
		return err
	}
	return u.push(v)
}
