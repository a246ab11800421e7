// Package uploads takes files by the tus protocol under /uploads: who may is asked at every request, bytes go to the folder of
// unfinished uploads, and the finished one becomes an image that waits for its check.
//
// # Decided
//
// 2026-11-29: sending takes hours, and a right that ends meanwhile ends it. A running PATCH is answered with the refusal within
// five seconds (middleware.Rights), and the transaction that makes the image asks anew who sent the last byte, whose the image
// is. What arrived is kept for a day, for the person or a colleague. To a suspended organization nothing is brought (POST, PATCH);
// HEAD asks and DELETE discards all the same. Unfinished uploads are bounded by person within the organization's bound, and what
// announced ones still lack is no free room: that is counted by one web process for the folder's uploads of all.
//
// Start at uploads.go.
package uploads
