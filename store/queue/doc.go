// Package queue names the background jobs and their arguments, so that a transaction can ask for a job without
// knowing who works it (handlers/jobs). A job's kind and the JSON of its arguments are an interface between
// versions of our processes: add fields, never rename them. It imports nothing of ours.
package queue
