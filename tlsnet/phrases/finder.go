package phrases

// finder finds all literals of all phrases in one pass over a text (Aho and Corasick,
// 1975). It does not distinguish the cases of ASCII letters.
type finder struct {
	class [256]uint8 // of a byte: bytes that are in no literal share class 0
	width int        // how many classes there are
	next  []int32    // by state and class
	found [][]hit    // by state: the literals that end there
}

// hit is a literal of a phrase, or a word that says something of the line as a whole.
type hit struct {
	phrase int32 // its index, or -1
	length int32
	clue   clue
}

// newFinder makes a finder of the phrases' literals and of the clues.
func newFinder(phrases []*Phrase) *finder {
	f := &finder{width: 1}
	add := f.collect(phrases)
	fail := f.grow(add)
	f.link(fail)
	return f
}

type entry struct {
	literal string
	hit     hit
}

// collect returns all that is to be found, and gives each byte of it a class.
func (f *finder) collect(phrases []*Phrase) []entry {
	var all []entry
	for i, p := range phrases {
		for _, literal := range p.literals {
			all = append(all, entry{literal, hit{phrase: int32(i), length: int32(len(literal))}})
		}
	}
	for word, clue := range clues {
		all = append(all, entry{word, hit{phrase: -1, length: int32(len(word)), clue: clue}})
	}
	for _, e := range all {
		for i := range len(e.literal) {
			if c := e.literal[i]; f.class[c] == 0 {
				f.class[c] = uint8(f.width)
				f.width++
			}
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		f.class[c] = f.class[c-'A'+'a']
	}
	return all
}

// grow makes the tree of the literals.
func (f *finder) grow(all []entry) (fail []int32) {
	states := 1
	for _, e := range all {
		states += len(e.literal) // or fewer
	}
	f.next = make([]int32, 0, states*f.width)
	f.found = make([][]hit, 0, states)
	f.newState()
	for _, e := range all {
		state := int32(0)
		for i := range len(e.literal) {
			at := int(state)*f.width + int(f.class[e.literal[i]])
			if f.next[at] == 0 {
				f.next[at] = f.newState()
			}
			state = f.next[at]
		}
		f.found[state] = append(f.found[state], e.hit)
	}
	return make([]int32, len(f.found))
}

func (f *finder) newState() int32 {
	f.next = f.next[:len(f.next)+f.width]
	f.found = append(f.found, nil)
	return int32(len(f.found) - 1)
}

// link makes each state go on, where its own literals do not, as the state of its longest
// proper end does.
func (f *finder) link(fail []int32) {
	var queue []int32
	for _, s := range f.next[:f.width] {
		if s != 0 {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		shorter := fail[state]
		f.found[state] = append(f.found[state], f.found[shorter]...)
		for c := range f.width {
			at, from := int(state)*f.width+c, f.next[int(shorter)*f.width+c]
			if s := f.next[at]; s != 0 {
				fail[s] = from
				queue = append(queue, s)
			} else {
				f.next[at] = from
			}
		}
	}
}

// find calls each with every literal in text, and where it ends.
func (f *finder) find(text string, each func(h hit, end int)) {
	state := int32(0)
	for i := range len(text) {
		state = f.next[int(state)*f.width+int(f.class[text[i]])]
		for _, h := range f.found[state] {
			each(h, i+1)
		}
	}
}
