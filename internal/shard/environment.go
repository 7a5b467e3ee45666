package shard

import (
	"fmt"
	"strings"
)

// Environment returns the shard that a job scheduler gives this process, and the variables that say so;
// without one, the zero Shard and no name. getenv is os.Getenv.
//
// In an array job of Slurm (sbatch, "job array support") the shard is
//
//	(SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN) / SLURM_ARRAY_TASK_STEP  of  SLURM_ARRAY_TASK_COUNT,
//
// and in an Indexed Job of Kubernetes JOB_COMPLETION_INDEX of JOB_COMPLETION_COUNT. Kubernetes sets
// the first one alone; the second repeats spec.completions in the job's template. Variables that
// do not fit together are errors: a wrong share would be lost results.
func Environment(getenv func(string) string) (Shard, string, error) {
	const slurm, kubernetes = "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"
	switch {
	case getenv(slurm) != "" && getenv(kubernetes) != "":
		return Shard{}, "", fmt.Errorf("shard: both %s and %s are set", slurm, kubernetes)
	case getenv(slurm) != "":
		s, err := slurmShard(getenv)
		return s, "SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT", err
	case getenv(kubernetes) != "":
		const count = "JOB_COMPLETION_COUNT"
		if getenv(count) == "" {
			return Shard{}, "", fmt.Errorf("shard: %s is set, but not %s: set it to the spec.completions of the job", kubernetes, count)
		}
		s, err := Parse(getenv(kubernetes) + "/" + getenv(count))
		if err != nil {
			err = fmt.Errorf("shard: %s %q of %s %q: want whole numbers, from 0 to %s - 1", kubernetes, getenv(kubernetes), count, getenv(count), count)
		}
		return s, kubernetes + " and " + count, err
	}
	return Shard{}, "", nil
}

// slurmShard reads the variables of an array job.
func slurmShard(getenv func(string) string) (Shard, error) {
	values := map[string]int{"STEP": 1}
	var shown []string
	for _, name := range []string{"ID", "COUNT", "MIN", "MAX", "STEP"} {
		text := getenv("SLURM_ARRAY_TASK_" + name)
		if text == "" && name == "STEP" {
			continue
		}
		if text == "" {
			return Shard{}, fmt.Errorf("shard: SLURM_ARRAY_TASK_ID is set, but not SLURM_ARRAY_TASK_%s, which array jobs have as well", name)
		}
		shown = append(shown, fmt.Sprintf("SLURM_ARRAY_TASK_%s=%s", name, text))
		n, err := number(text)
		if err != nil {
			return Shard{}, fmt.Errorf("shard: %s is no whole number", shown[len(shown)-1])
		}
		values[name] = n
	}
	id, count, first, last, step := values["ID"], values["COUNT"], values["MIN"], values["MAX"], values["STEP"]
	// A list with gaps, such as --array=0,3,4, or the tasks of a job that are submitted once more, have no place that can be told from these.
	if step < 1 || id < first || id > last || (id-first)%step != 0 || (last-first)/step+1 != count {
		return Shard{}, fmt.Errorf("shard: %s are not of an array from MIN to MAX", strings.Join(shown, " "))
	}
	return Shard{(id - first) / step, count}, nil
}
