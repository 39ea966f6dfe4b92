// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/network/device.h"

#include "inference/network/cuda_plugin.h"
#include "inference/scan/selective_scan.h"

#include <cstdlib>
#include <fstream>
#include <thread>

namespace limn {

namespace {

std::string processorName() {
    std::ifstream info("/proc/cpuinfo");
    std::string line;
    while (std::getline(info, line)) {
        if (!line.starts_with("model name"))
            continue;
        const std::size_t colon = line.find(':');
        if (colon != std::string::npos && colon + 2 < line.size())
            return line.substr(colon + 2);
    }
    return "processor";
}

DeviceInfo processor() {
    DeviceInfo info;
    info.id = "cpu";
    info.name = processorName() + ", " + std::to_string(std::max(1u, std::thread::hardware_concurrency())) +
                " threads, " + scanInstructionSet();
    return info;
}

DeviceInfo graphicsCard(int index) {
    DeviceInfo info;
    info.id = "cuda:" + std::to_string(index);
    const gpu::Plugin* plugin = cudaSupport().plugin;
    char name[256] = {};
    info.usable = plugin->deviceName(index, name, sizeof name, &info.memoryBytes) == 0;
    info.name = name;
    if (!info.usable)
        info.reason = "its properties could not be read";
    return info;
}

} // namespace

Result<c10::Device> resolveDevice(const std::string& name) {
    const bool wantsGpu = name == "cuda" || name.starts_with("cuda:");
    if (name == "cpu")
        return c10::Device(c10::kCPU);
    if (name != "auto" && !wantsGpu)
        return Error{ErrorCode::InvalidArgument, {"The device", name, "auto, cpu, cuda or cuda:N"}};
    const CudaSupport& support = cudaSupport();
    if (support.plugin == nullptr) {
        if (wantsGpu)
            return Error{ErrorCode::DeviceNotAvailable, {name, support.reason}};
        return c10::Device(c10::kCPU);
    }
    int index = 0;
    if (name.starts_with("cuda:")) {
        char* end = nullptr;
        const long number = std::strtol(name.c_str() + 5, &end, 10);
        if (end == name.c_str() + 5 || *end != '\0' || number < 0)
            return Error{ErrorCode::InvalidArgument, {"The device", name, "auto, cpu, cuda or cuda:N"}};
        if (number >= support.devices)
            return Error{ErrorCode::DeviceNotAvailable,
                         {name, "there are " + std::to_string(support.devices) + " GPUs, numbered from 0"}};
        index = static_cast<int>(number);
    }
    return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
}

DeviceInfo describeDevice(const c10::Device& device) {
    return device.is_cuda() ? graphicsCard(device.index()) : processor();
}

std::vector<DeviceInfo> listDevices() {
    std::vector<DeviceInfo> devices = {processor()};
    const CudaSupport& support = cudaSupport();
    for (int i = 0; support.plugin != nullptr && i < support.devices; ++i)
        devices.push_back(graphicsCard(i));
    if (devices.size() == 1) {
        DeviceInfo none;
        none.id = "cuda";
        none.name = "NVIDIA GPU";
        none.usable = false;
        none.reason = support.reason;
        devices.push_back(none);
    }
    return devices;
}

} // namespace limn
