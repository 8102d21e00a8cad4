package weightstore

// The wheels that libraries come from: what a Python registry says of them,
// read through pip on 2026-11-30. Sizes are of the files that are downloaded.

var onnxWheels = []wheel{
	{"onnxruntime", "1.32.0", "onnxruntime-1.32.0-cp311-cp311-manylinux_2_28_x86_64.whl",
		"5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d", 27_773_237, "MIT", "ONNX Runtime"},
}

// The library in it is the unmodified CPU plugin that zml/pjrt-artifacts built
// of OpenXLA on 2026-06-23.
var xlaCPUWheels = []wheel{
	{"fastatomstruct-xla-cpu", "2026.6.23", "fastatomstruct_xla_cpu-2026.6.23-py3-none-manylinux_2_27_x86_64.whl",
		"88b1c430b341b4bea40a37420311c9c75db6e22b46d2ff95b6986577bee6afe9", 63_200_622, "Apache-2.0", "XLA for the CPU, a PJRT plugin"},
}

// What JAX's extra "cuda13" asks for, without what one GPU does not need:
// NVSHMEM exchanges data between machines, and CUPTI measures.
var xlaCUDAWheels = []wheel{
	{"jax-cuda13-pjrt", "0.11.2", "jax_cuda13_pjrt-0.11.2-py3-none-manylinux_2_27_x86_64.whl",
		"e5ff589d43064913bb74027682d89639c7ea48f9f81c2bae6fc75117e913f93e", 134_162_640, "Apache-2.0", "XLA for NVIDIA GPUs, a PJRT plugin"},
	{"nvidia-cublas", "13.10.0.20", "nvidia_cublas-13.10.0.20-py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl",
		"dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84", 444_289_903, "NVIDIA's own", "matrix products"},
	{"nvidia-cuda-nvcc", "13.5.37", "nvidia_cuda_nvcc-13.5.37-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
		"f5c4f7ead5d964fb4af42bbf1e6d3ec3c1e6e9d83b53749f691d387e7fcaa3a7", 47_028_279, "NVIDIA's own", "the assembler of what XLA compiles"},
	{"nvidia-cuda-runtime", "13.5.37", "nvidia_cuda_runtime-13.5.37-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
		"df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d", 2_504_024, "NVIDIA's own", "the CUDA runtime"},
	{"nvidia-cudnn-cu13", "9.28.1.4", "nvidia_cudnn_cu13-9.28.1.4-py3-none-manylinux_2_27_x86_64.whl",
		"a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec", 516_817_937, "NVIDIA's own", "convolutions"},
	{"nvidia-cufft", "12.5.0.14", "nvidia_cufft-12.5.0.14-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
		"b8be26837a5abad2b5b74f3e92dd29f622a42934b355be0961a48712cbba23ad", 165_072_555, "NVIDIA's own", "Fourier transforms"},
	{"nvidia-cusolver", "12.4.1.2", "nvidia_cusolver-12.4.1.2-py3-none-manylinux_2_27_x86_64.whl",
		"b3b8e02fd2f2df869369af075dc3a179d43f6f7b85e94632a7dce556697be044", 260_003_940, "NVIDIA's own", "linear algebra"},
	{"nvidia-cusparse", "12.9.4.2", "nvidia_cusparse-12.9.4.2-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
		"072667e58c851a318738f5527a12eb225cbf058803f2ea451c722d8cf8edddec", 230_422_857, "NVIDIA's own", "sparse matrices"},
	{"nvidia-nccl-cu13", "2.32.3", "nvidia_nccl_cu13-2.32.3-py3-none-manylinux_2_27_x86_64.whl",
		"1459723080ac889d73a26edfa3e04383a7928ab31ac8f0ec43b3ea9548b04ff3", 305_100_071, "NVIDIA's own", "exchange between GPUs, which the plugin links to"},
	{"nvidia-nvjitlink", "13.5.37", "nvidia_nvjitlink-13.5.37-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
		"280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb", 46_642_491, "NVIDIA's own", "the linker of what XLA compiles"},
	{"nvidia-cuda-nvrtc", "13.5.37", "nvidia_cuda_nvrtc-13.5.37-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
		"86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc", 58_185_930, "NVIDIA's own", "a compiler that cuBLAS and cuDNN use"},
	{"nvidia-nvvm", "13.5.37", "nvidia_nvvm-13.5.37-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
		"c41bfa362e407405163f103c2229f0765f8cc2ed7d148b754dc77f228bf7e070", 75_141_406, "NVIDIA's own", "the device library of what XLA compiles"},
	{"nvidia-cuda-crt", "13.5.37", "nvidia_cuda_crt-13.5.37-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
		"e898b7f73d3035fa89915a3f7bf3b54a73e90249746111aed295822c4729bb29", 166_163, "NVIDIA's own", "headers of the assembler"},
}

func wheelBytes(wheels []wheel) (n int64) {
	for _, w := range wheels {
		n += w.bytes
	}
	return n
}
