// Package metrics counts what a server does, and shows it to Prometheus over HTTP.
//
// No label has a value that a client chose: the values are our own words, of which there are
// few, so that nobody outside can make the metrics grow.
package metrics
