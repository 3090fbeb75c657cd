package calls

//go:generate go run alcove/cmd/gencalls -root ..
