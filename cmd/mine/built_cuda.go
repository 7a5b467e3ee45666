//go:build cuda

package main

// builtWithCUDA says whether this program has the CUDA backend.
const builtWithCUDA = true
