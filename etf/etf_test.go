package etf_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"alcove/etf"
)

// unhex turns "61 ff" into bytes. "xx*N" stands for N times the byte xx.
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	var b []byte
	for _, word := range strings.Fields(text) {
		digits, times, repeated := strings.Cut(word, "*")
		v, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatalf("%q: %v", word, err)
		}
		n := 1
		if repeated {
			n = 0
			for _, c := range times {
				n = 10*n + int(c-'0')
			}
		}
		b = append(b, bytes.Repeat(v, n)...)
	}
	return b
}

// fenced is a copy of b with other bytes behind its end and no capacity to reach
// them by slicing: a decoder that looks further panics.
func fenced(b []byte) []byte {
	memory := append(append([]byte{}, b...), "\x61\x01\x6a\x6a\x6a\x6a\x6a\x6a"...)
	return memory[:len(b):len(b)]
}

// decoder reads the bytes of text.
func decoder(t testing.TB, text string) etf.Decoder {
	t.Helper()
	return etf.NewDecoder(fenced(unhex(t, text)))
}
