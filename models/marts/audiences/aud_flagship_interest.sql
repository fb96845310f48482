{{ audience() }}
