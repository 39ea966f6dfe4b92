// SPDX-License-Identifier: GPL-3.0-or-later
// How threads of OpenMP wait, for the commands that train.
#pragma once

namespace limn {

// LibTorch's operators run on OpenMP's threads, which spin while they wait for each other. Beside other work
// that wants the cores a training step then takes several times as long. libgomp reads how to wait before
// main() begins, so the program starts itself once more, under the same number, with that said; unless the
// person has said how to wait. Where it cannot (no /proc) the command goes on all the same. To be called
// before anything is printed or written.
void waitWithoutSpinning();

} // namespace limn
