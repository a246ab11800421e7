// Package uploads takes files by the tus protocol under /uploads: who may is asked at every request, bytes go to the folder of
// unfinished uploads, and the finished one becomes an image that waits for its check.
//
// Start at uploads.go.
package uploads
