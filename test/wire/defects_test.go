package wire

import "testing"

func descriptorsRunOut(t *testing.T) {}
