package main

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tlsdemo/certs"
)

// brokenDir is where a broken set has been written.
type brokenDir string

func (d brokenDir) server() string { return d.own("server") }
func (d brokenDir) client() string { return d.own("client") }

// own is an end's own directory, if it has one.
func (d brokenDir) own(end string) string {
	if dir := filepath.Join(string(d), end); isDir(dir) {
		return dir
	}
	return string(d)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// write writes the set to dir, which has to be empty or not there.
func (s *brokenSet) write(dir brokenDir) error {
	if s.err != nil {
		return s.err
	}
	if entries, _ := os.ReadDir(string(dir)); len(entries) > 0 {
		return fmt.Errorf("%s is not empty: %w", dir, fs.ErrExist)
	}
	dirs := map[string]certs.Set{"": s.set}
	if s.client != nil {
		dirs = map[string]certs.Set{"server": s.set, "client": s.client}
	}
	for name, set := range dirs {
		if err := certs.Dir(filepath.Join(string(dir), name)).Create(set); err != nil {
			return err
		}
	}
	return s.writeFiles(dir)
}

func (s *brokenSet) writeFiles(dir brokenDir) error {
	for name, data := range s.files {
		if err := os.WriteFile(filepath.Join(string(dir), name), data, 0o600); err != nil {
			return err
		}
	}
	if s.blocked == "" {
		return nil
	}
	blocked := filepath.Join(string(dir), s.blocked)
	return errors.Join(os.Remove(blocked), os.Mkdir(blocked, 0o700))
}

func pemOf(kind string, data []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})
}
