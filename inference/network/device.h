// SPDX-License-Identifier: GPL-3.0-or-later
// Turns "auto", "cpu", "cuda", "cuda:1" into a LibTorch device. LibTorch's headers stay inside inference/.
#pragma once

#include "inference/engine.h"

#include <c10/core/Device.h>

namespace limn {

// Errors: InvalidArgument (no such name), DeviceNotAvailable (with the reason).
Result<c10::Device> resolveDevice(const std::string& name);

// The entry of listDevices() that stands for a device.
DeviceInfo describeDevice(const c10::Device& device);

} // namespace limn
