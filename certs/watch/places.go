package watch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxLinks is how many symbolic links are followed, as in the Linux kernel.
const maxLinks = 40

// places are directories, without symbolic links, with the names in them that matter to a
// path. Every name matters where a file itself is: another may appear beside it.
type places map[string]*place

type place struct {
	names map[string]bool
	all   bool
}

// placesOf are those of the paths.
func placesOf(paths []string) places {
	p := make(places)
	for _, path := range paths {
		if !filepath.IsAbs(path) { // and not filepath.Abs, which takes link/.. for nothing
			wd, err := os.Getwd()
			if err != nil {
				continue
			}
			path = wd + string(filepath.Separator) + path
		}
		p.follow(path)
	}
	return p
}

// follow walks a path as the system does, and notes where each symbolic link is, and where the
// file is; or, if there is none, where it would have to appear.
func (p places) follow(path string) {
	root := filepath.VolumeName(path) + string(filepath.Separator)
	at, rest := root, parts(path[len(filepath.VolumeName(path)):])
	for links := 0; len(rest) > 0 && links <= maxLinks; {
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		target, err := linkAt(next)
		if err != nil || target != "" || len(rest) == 0 {
			p.note(at, name, len(rest) == 0)
		}
		switch {
		case err != nil:
			return
		case target == "":
			at = next
			continue
		case filepath.IsAbs(target):
			at, target = root, target[len(filepath.VolumeName(target)):]
		}
		links++
		rest = append(parts(target), rest...)
	}
}

// linkAt returns what a symbolic link leads to, or "" if it is none.
func linkAt(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		return "", err
	}
	return os.Readlink(path)
}

func (p places) note(dir, name string, all bool) {
	if p[dir] == nil {
		p[dir] = &place{names: make(map[string]bool)}
	}
	p[dir].names[name] = true
	p[dir].all = p[dir].all || all
}

// concern reports whether an event at path can matter.
func (p places) concern(path string) bool {
	if p[path] != nil {
		return true // the directory itself is gone, or elsewhere
	}
	in := p[filepath.Dir(path)]
	return in == nil || in.all || in.names[filepath.Base(path)]
}

// parts are the names that a path consists of.
func parts(path string) []string {
	names := strings.FieldsFunc(path, func(r rune) bool { return r < utf8.RuneSelf && os.IsPathSeparator(uint8(r)) })
	return slices.DeleteFunc(names, func(name string) bool { return name == "." })
}
