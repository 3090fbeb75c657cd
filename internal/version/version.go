// Package version says which release this is.
package version

// Number is the release of the original that this program stands in for: what the
// version call and the usage text say.
const Number = "1.0.1"
