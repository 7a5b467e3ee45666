package shard

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Shard{"0/1": {0, 1}, "0/3": {0, 3}, "2/3": {2, 3}, "07/10": {7, 10}} {
		if got, err := Parse(text); err != nil || got != want || !got.Divided() {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1", "/", "1/", "/2", "3/3", "0/0", "-1/3", "1/-3", "+1/3", " 1/3", "1/3/5", "1.0/3", "0x1/3", "99999999999/999999999999"} {
		if s, err := Parse(text); err == nil {
			t.Errorf("%q is taken for %v", text, s)
		}
	}
}

// TestItems: every item is in one shard, by its number modulo n; all are in the whole.
func TestItems(t *testing.T) {
	for _, c := range []struct{ items, shards int }{{0, 3}, {1, 1}, {2, 3}, {10, 3}, {100, 7}} {
		seen := map[int]int{}
		for i := range c.shards {
			for _, k := range (Shard{i, c.shards}).Items(c.items) {
				seen[k]++
				if k%c.shards != i {
					t.Errorf("item %d is in shard %d/%d", k, i, c.shards)
				}
			}
		}
		for k := range c.items {
			if seen[k] != 1 {
				t.Errorf("%d items, %d shards: item %d is in %d", c.items, c.shards, k, seen[k])
			}
		}
		if all := (Shard{}).Items(c.items); len(all) != c.items || len(seen) != c.items {
			t.Errorf("%d items, %d shards: %d in the whole, %d in shards", c.items, c.shards, len(all), len(seen))
		}
	}
}

func TestEnvironment(t *testing.T) {
	for _, c := range []struct {
		name      string
		variables string
		want      Shard
		wrong     string // in the error
	}{
		{"none", "", Shard{}, ""},
		{"slurm from 0", "SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_COUNT=8 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=7", Shard{2, 8}, ""},
		{"slurm from 1", "SLURM_ARRAY_TASK_ID=8 SLURM_ARRAY_TASK_COUNT=8 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=8 SLURM_ARRAY_TASK_STEP=1", Shard{7, 8}, ""},
		{"slurm by steps", "SLURM_ARRAY_TASK_ID=7 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=10 SLURM_ARRAY_TASK_STEP=3", Shard{2, 4}, ""},
		{"slurm, a list", "SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=4 SLURM_ARRAY_TASK_STEP=1", Shard{}, "SLURM_ARRAY_TASK_ID=3"},
		{"slurm, one task again", "SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_COUNT=1 SLURM_ARRAY_TASK_MIN=3 SLURM_ARRAY_TASK_MAX=3", Shard{0, 1}, ""},
		{"slurm, no count", "SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=7", Shard{}, "SLURM_ARRAY_TASK_COUNT"},
		{"slurm, no number", "SLURM_ARRAY_TASK_ID=x SLURM_ARRAY_TASK_COUNT=8 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=7", Shard{}, "SLURM_ARRAY_TASK_ID=x"},
		{"slurm below", "SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_COUNT=8 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=8", Shard{}, "SLURM_ARRAY_TASK_ID=0"},
		{"kubernetes", "JOB_COMPLETION_INDEX=4 JOB_COMPLETION_COUNT=5", Shard{4, 5}, ""},
		{"kubernetes, no count", "JOB_COMPLETION_INDEX=4", Shard{}, "JOB_COMPLETION_COUNT"},
		{"kubernetes, a small count", "JOB_COMPLETION_INDEX=4 JOB_COMPLETION_COUNT=4", Shard{}, `"4"`},
		{"both", "JOB_COMPLETION_INDEX=4 JOB_COMPLETION_COUNT=5 SLURM_ARRAY_TASK_ID=2", Shard{}, "both"},
	} {
		values := map[string]string{}
		for _, v := range strings.Fields(c.variables) {
			name, value, _ := strings.Cut(v, "=")
			values[name] = value
		}
		got, by, err := Environment(func(name string) string { return values[name] })
		switch {
		case c.wrong != "":
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v, error %v, want one with %q", c.name, got, err, c.wrong)
			}
		case err != nil || got != c.want || (by != "") != got.Divided():
			t.Errorf("%s: %v by %q, error %v, want %v", c.name, got, by, err, c.want)
		}
	}
}
