package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// The machine is left as it was found.
func TestInstallPolicy(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "chromium", "policies")
	remove, err := installPolicy(dir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got %v, %v, want one file", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil || !json.Valid(text) {
		t.Errorf("got %q, %v", text, err)
	}
	if err := remove(); err != nil {
		t.Error(err)
	}
	checkEmpty(t, root)
}

// What is somebody else's stays.
func TestInstallPolicyBesideAnother(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other.json")
	if err := os.WriteFile(other, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	remove, err := installPolicy(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := remove(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(other); err != nil {
		t.Error(err)
	}
	checkEmpty(t, dir)
}

func checkEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
