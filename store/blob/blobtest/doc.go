// Package blobtest is what every place of blobs has to do (Exercise), and an S3 server for tests (Serve): versitygw over a folder, at the
// version that .tools/versitygw pins. `dev test` builds it and names the program in VOLARY_TEST_S3_SERVER.
package blobtest
