{{ madang.audience() }}
