package ldm

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Configuration is the SHA-256, lower-case hexadecimal, of what a checkpoint's
// weights do not say and a method's samples depend on: the configuration,
// whether the weights are the averages or the last ones, and, for
// [SchedulerMethod] alone, the folder's own scheduler.
func (c *Checkpoint) Configuration(method string) (string, error) {
	config := c.Config
	if method == "" {
		method = config.DefaultMethod()
	}
	if method != SchedulerMethod {
		config.Scheduler = nil
	}
	data, err := json.Marshal(struct {
		Config   Config `json:"config"`
		Averaged bool   `json:"averaged"`
	}{config, c.Averaged})
	if err != nil {
		return "", fmt.Errorf("the configuration of %s: %w", c.Path, err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
