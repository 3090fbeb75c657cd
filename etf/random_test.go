package etf_test

import (
	"fmt"
	oldrand "math/rand"
	"math/rand/v2"
	"strconv"
	"strings"
)

// seededRand is a fixed source for package quick, which wants the old kind.
func seededRand() *oldrand.Rand { return oldrand.New(oldrand.NewSource(1)) }

// randomTerm is a term in the notation of the samples, of at most depth levels.
func randomTerm(r *rand.Rand, depth int) string {
	kinds := 3
	if depth > 0 {
		kinds = 5
	}
	switch r.IntN(kinds) {
	case 0:
		return strconv.FormatInt(int64(r.Uint64())>>r.IntN(64), 10)
	case 1:
		name := make([]byte, r.IntN(20))
		for i := range name {
			name[i] = byte(r.IntN(128))
		}
		return fmt.Sprintf("a%x", name)
	case 2:
		data := make([]byte, r.IntN(40))
		for i := range data {
			data[i] = byte(r.IntN(256))
		}
		return fmt.Sprintf("b%x", data)
	case 3:
		return "{" + randomTerms(r, depth) + "}"
	default:
		return "[" + randomTerms(r, depth) + "]"
	}
}

func randomTerms(r *rand.Rand, depth int) string {
	list := make([]string, r.IntN(5))
	for i := range list {
		list[i] = randomTerm(r, depth-1)
	}
	return strings.Join(list, ",")
}
