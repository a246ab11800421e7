// Package refusal is the no that a person can act on, whoever says it: orders and passwords as much as hosts. It imports
// nothing of ours, and everything may import it.
package refusal
