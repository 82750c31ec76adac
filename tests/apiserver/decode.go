package main

import (
	"fmt"
	"time"
)

// undecodable says why an object would not decode into the real server's types,
// or "": the few fields are checked that a client can get wrong by formatting.
func undecodable(k *kind, obj map[string]any) string {
	meta := child(obj, "metadata")
	for _, field := range []string{"annotations", "labels"} {
		for _, value := range child(meta, field) {
			if _, ok := value.(string); !ok {
				return fmt.Sprintf("json: cannot unmarshal into Go struct field ObjectMeta.metadata.%s of type string",
					field)
			}
		}
	}
	for _, condition := range list(child(obj, "status"), "conditions") {
		condition, _ := condition.(map[string]any)
		for _, field := range []string{"lastTransitionTime", "lastHeartbeatTime"} {
			if why := badTime(time.RFC3339, condition[field]); why != "" {
				return why
			}
		}
	}
	switch k {
	case leaseKind:
		spec := child(obj, "spec")
		return badTime(microTime, spec["renewTime"]) + badTime(microTime, spec["acquireTime"])
	case eventKind:
		return badTime(microTime, obj["eventTime"])
	}
	return ""
}

// badTime checks a metav1.Time, which is RFC 3339, or a MicroTime, which has
// six digits after the point.
func badTime(layout string, value any) string {
	if value == nil {
		return ""
	}
	given, ok := value.(string)
	if !ok {
		return fmt.Sprintf("json: cannot unmarshal %v into a time", value)
	}
	if _, err := time.Parse(layout, given); err != nil {
		return err.Error()
	}
	return ""
}
