package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"tlsdemo/certs/chain"
)

// allowKey is the only key of a file: its rules.
const allowKey = "allow"

// keyList are the keys of a rule, as a sentence has them.
const keyList = "dns, uri, ip, cn and sha256"

// unknownError is a key of a file that is none.
type unknownError struct{ key string }

func (e *unknownError) Error() string {
	return fmt.Sprintf("unknown key %s: a policy has only the list %s", chain.List([]string{e.key}), allowKey)
}

// interpret makes a policy of what a file has. To have encoding/json and toml fill a struct
// would take Allow for allow, and say in two ways what is wrong.
func interpret(tree map[string]any) (*Policy, error) {
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		if name != allowKey {
			return nil, &unknownError{key: name}
		}
	}
	tables, ok := tablesOf(tree[allowKey])
	if !ok {
		return nil, errors.New(allowKey + " has to be a list of rules: [[allow]] in TOML, {\"allow\": [{...}]} in JSON")
	}
	rules := make([]Rule, len(tables))
	for i, table := range tables {
		rule, err := ruleOf(table)
		if err != nil {
			err.Rule = i
			return nil, err
		}
		rules[i] = rule
	}
	return New(rules...)
}

// tablesOf is a list of tables in either of the two forms in which decoders return one.
func tablesOf(value any) (tables []map[string]any, ok bool) {
	switch list := value.(type) {
	case nil:
		return nil, true
	case []map[string]any:
		return list, true
	case []any:
		for _, item := range list {
			table, ok := item.(map[string]any)
			if !ok {
				return nil, false
			}
			tables = append(tables, table)
		}
		return tables, true
	}
	return nil, false
}

func ruleOf(table map[string]any) (Rule, *RuleError) {
	rule := make(Rule)
	for _, name := range slices.Sorted(maps.Keys(table)) {
		kind := Kind(slices.Index(kindNames[:], name))
		if kind < 0 {
			return nil, &RuleError{Key: name, Err: errors.New("unknown key: a rule has " + keyList)}
		}
		values, ok := stringsOf(table[name])
		if !ok {
			return nil, &RuleError{Key: name, Err: fmt.Errorf(`it has to be a list of texts: %s = ["..."]`, name)}
		}
		rule[kind] = values
	}
	return rule, nil
}

func stringsOf(value any) (texts []string, ok bool) {
	list, ok := value.([]any)
	if !ok {
		return nil, false
	}
	texts = make([]string, len(list))
	for i, item := range list {
		if texts[i], ok = item.(string); !ok {
			return nil, false
		}
	}
	return texts, true
}
