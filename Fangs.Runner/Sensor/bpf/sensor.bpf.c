// SPDX-License-Identifier: GPL-2.0
// The sensor's kernel half: records what the processes of a run do. Loaded by Sensor/EbpfSensor.cs.
#include "core_types.h"
#include "runs.h"
#include "paths.h"
#include "files.h"
#include "processes.h"
#include "network.h"

// Several kernel helpers in use are available to programs under the GPL only.
char LICENSE[] SEC("license") = "GPL";
