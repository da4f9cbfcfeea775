namespace Holon.SystemMachine.Tests.Boot;

/// <summary>What the xz and lz4 programs make of <see cref="Plain"/>.</summary>
internal static class CompressedFixtures
{
    public const int Length = 6000;

    /// <summary><c>xz --check=crc32 --x86 --lzma2=preset=6,lc=2,lp=1,pb=1</c></summary>
    public static byte[] XzX86 { get; } = Convert.FromBase64String(
        "/Td6WFoAAAFpIt42AgEEACEBFgANhjUf4BdvB944ACQiPHSIxz+b8T0LeM26u1AQEGUjggA7ZXf6JIsvV3/i7KpeD73Z2iu5mw/VK543spKSEDHtsCrHMx6kAd8wzF5ljtKmm9j0NHNJFEQKNdG54aDNGZyboGXr"
        + "P2OirfyTjI+Yef6nlMMZnsKblQRDCtMBPeV0YR0IGn4D0F7uMRFJWe7oI01/5X4Fgq/SMvTWw4IelUtnXCtxSMcHQVr4DmlMY1WNw5NxltbSxmBzp4oyMgc1ckvPDSzkVu3tNcX9GdHvJyfr/7b5K82hneqroDXA"
        + "z5Vz1sCkzg8L/wxc+C0dqX1TqbJIZQa1pUladl0F00IT3BYETx06CyN6VnxE5XDcXq7QUG45c2hMPpO09goU06Wg8fcjEnYwn7SB8sQh+9eNvtYLPJg9HOBD0EVBcTbbEE3ihWbEY2PqU9jhmp9DWPeDEgF8LkBp"
        + "bopPJ0vPMQFNwEAr6/H84iPFwmBPXAO0S/XwxXqFUGa+cmly+uGSpBNfnX7+5Vd5xLrSffG79aPDeuvaco8ly4SXyBD7BtTE4RWcHTPbueKMJb1dmJhIo8VFcengw9hYBHRr2O86nhmJ5/r5v+fo8coGJang5VLy"
        + "+SyWqbKZnQnZjuh6kf9TTIyjFfOkTMOnYnnqjLjjv1R9okYlfbCL3b9rBBb4FS2+wJOGnkZ8FYXuzPHgYEnzpwGPNaLWipjWIlTGEsMMeQNfLYYCsj1w5cD+BqG4HhoIQJX6KvBdydkLfeNTv7O1YpiZFnRTqAEh"
        + "X7bKy98rlF8YBfOKBguE5awVU5PYud6JgAu6zFYUMtVWUQh5UXlQAAtxnG/A/Kue/p6OBPSnaBtca4dPJ8DBNjLe3Rp0a5yiBZ9a6Gke+duQLECLHjEdR/8Kw9epPrUF9nKahItGg6l91/q/uJQkD6fdZm/sgxIX"
        + "+F02sLOff1NFSU/8sVun5Qc+5LwjHRfAbebsz66Z6ur7jBW8Mi54MnF2mz+N+CIHTKiWAcFGcLv7TlviKGwhwVUpHu7W1kbxu8EFs51xrhM2oSyX3x0sDhmn35hh0C1Lt30Sn8b9Ng4+nzW63VxEQPcpQN5X0W0A"
        + "z4LftH17Wuy+Fp4psaQz5M1CDlYCpWHBYlfMQjJ1K+1+xv8eQ6QSqFH8PSkxQIqoKNTmFhpMO3FS1tmOcU1wX8x9wCPV4oThdelRtA0NYzJrZtp3gHf7X8OwVhlXFD5mxyOUZm8H5ztrNWpCOj8Q/B2SayHg/q8y"
        + "6EYHxpQo/IOgrQlKRJngsK8oeagQuvBPJIZKXBdC5Je9MY1/9BG8Vpb/9J/FMIqrA8S/8udQdxpptIuG4mLpihs9KJ/fHbIf84Tqo/6jU5CgcQbeBBKvpP31HwmUo1uPMeHJm27TUF044E3e5HehPjeV5+M1WaBL"
        + "c+SWhMZuPRfVSyIaSQ0zDiohpsG9AmCNZOk4vDd2FnGQc5tNSHxfoFjLgO6dA9ynl0iqaWpQBXM6pJWHhOx58VUvKGyRpEy+ovdUwWYvpnxGK+hUr1xr/w5cOFcFqLFQxF/vp+ex6/A69ySLw7e6VhsxSZSUlkUh"
        + "YIbTdz3TC0Sh4jiHqK0Ed/uAC7uXFfuV1oP/d4p+2NCAKG6grVTgcXjasgdks45jz/nvepw5KHcYqEKoJTTyv+sFQfrqoAFZcKIAekh+EyyMxn7VC3ocBp/BbrKuUXp3H0PAgXKTQ8NJUnMzTs2C7sfY1fby3cHN"
        + "fzOjarsiIOSE1AVPiTmBzicVJyeF2sJJW84VO3vFz6CnytzhIC+dwKXvDola5ung4RlLGWM1nsOvQfsb9/5DHBDfqXygjVm3suDVLMhzYfZdBe2wVQunaWF/AjLFlnu9rpwEI3CwSj4Mhf510lSU98opVZbA8siX"
        + "mCCQ81UDpK9q5PoRyQkR20aMq20/4LFA+WDjF6R4c33b/oWSUnvYbNVzcm++vrRXEtutsRFm8M2Imu4fJnrT6EoIUxrJPKEGBSwwQ4HzBAS0MLk3/cKvvKdncHQqt0NMSD7lCvFZF9sJ++av/NENfCtTpOQ6OyT/"
        + "yYQ/px2PBMZcIp/hhU6LxieHFtZFxFnUVJ/jEaArznBBDagdXmHcgNn4RkcPwQK55MfS7O09ubHXu76M+CwbabCKjGMcuuoCwNGN71fF07vhZQNx7GduyyRTx3d4ke45Gw+n8f9ivVP/AP8qU3bfWL+jio2NqiCX"
        + "k9iAw1dILpZqwPjZAVWXYQEuAxuvndrCVlOETBjfT1rT7mRkXWsIhms0fes9MfpLnCnBMzpwMxhhnN4VREbbEsKJQv20sr1OFtgcm1vXTKVN+C3FRynWwwKPsXsUtJGXU9gWXfyq2a151wDyL4tYoJ6RYie/0NfF"
        + "JApnDeTJtDaD8XVLYD9chhREaqKjLGdbVJjmOW3RephrazNR2HTmQKZWrdZGOFmTtxHBnhUUoCA7htthYj7DF5m60mEdvYfza3AbvRiUMDT99/gneuZDZ02cEmlBTGTnhUT7sPzBXbiK2whSjZIhgoyhPUM+lmXb"
        + "hVVC9TrPw6Jz9l5fLg3FDaC834RuvRxwFcuOJZBwY5OdJ1q07Mq0TKRvpEzEP70dTouGv65IPD1EpUrtI7bRVjaQE0oqWqU9WRQIHSczmLKnoDWPvXfIKmV6wNla3fgTtuJRVeh2UTcNT66/95/7v57MGmJ1eH+c"
        + "EZqmA1QAAAB1iV5yAAH2D/AuAABFxHs2PjANiwIAAAAAAVla");

    /// <summary><c>xz --check=crc32 --block-size=1500</c></summary>
    public static byte[] XzBlocks { get; } = Convert.FromBase64String(
        "/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4AXbAoJdACQiPHCE6HQ55D7eVVMx8GAT6vTpEe4OaPZ2bzDiBS+s1XQAcxoEmqbm+rLlHbPKRG0CKN0/woXvc05GsoDjOCbcuzFOhm14FBhvSvrgR4N+pPw/AmdbdMgY"
        + "IcjAnBQDywL5LPqjDHVRv/0GxOciL7Jn79yk+ay8e7IP7axkWb9LoGHrEMnyim7kU0o4rRraOpcGN6VJx441ANI3OFSIiClndpLz+rxwLrqzGOneiVkqIlwoyUy1eRrcRJnrQ5wZipJIXd/dDLQzGz8gr4jux7GG"
        + "Eev0GcAes9hMbfYh/+WfOwVmeQSMdlwnxfKMMoSvJEJibusvsht1BHWCJLUlOBRDXy+WBoqOO0O7JcNIHOigwPG18pJ8rwowgdng9U1jLiClI4EHSf+lG4n2nqq1Ey1oi+pRv0ef/9K95V7Gv21YHndn/wmciH5/"
        + "Q1HfGlvuUsh36ZWSyQ1wBVnJyp07mwnmSIneCCSSle79CKEZXzI9VxSUkMAtRw4QrcuDZ1El43R0esO0PdbJLkQ5dUMRGjFAOK2/Kg5KvFXKVPqmoiIyuw4ZbunfbATX25guwZ2xauy27fMwo2w4QGathkRI46Qa"
        + "jwR327qIcnEx7I2rmHZpkxTMPMx56DdiWl5IOIkZ1m/vvy5WlzArZoTUsMzSObC9kbbacN9YnRXfOPcpMtzw4X9bS2A35dVOVh4wmrMKzwazawEn5KBSdJuTVxWjwp8wmP6Bi51F9eJfEpHO+M0c7Qsie17FBBBr"
        + "7gstq/9lNH048RXfGuZK4rHD/qt8MvFInGGLKXCLVsjLy+8X9EIou/ERTATDlRsZkiEA8TeoaN2PHGuifFusA1SvyMXe0LlEAAAAAArevEYCACEBFgAAAHQv5aPgBdsCjV0AADqANR2F1nwomM3CJdm0O0MQxPe7"
        + "7q8ZOm1p/wNOdw+iuXaBRXDjgFvXyt/aeOKoHVy0o/oBrnjHvHiiKpRz58jr+Nvix/P/qiTRiQX4HGv3Qf4G02uGlDpxMxkVolUsvGerD0XPfNNb6XM1lZCbzCipF+CYZDyjQit+xAQ4tssElqHBUzR2/q2t4ATa"
        + "UVhNuSoLdOnb7bCEUYJZJ2pt6Nrmdy+haiLyge6QciSIEp7iRfrThhKu5ZuURD3vKFaAaSCDvTGtGCOhR+oaY+jG7d7eJfxQovNKqB5LNUikZNGalmwCP2xV6hqggCdJYdC2wbtpWQ3h2FzNSAU79oIgeWwO/4lQ"
        + "AceUHKY1r0ro1hY3DzDD9VXQmzCrgEPmWdnjK2wbcIBYRWbX4KQjogjELb/y7cRMR33w2Byp3QTFIMboRCbwcBX1N2hseooKGrbVdunten5kefKzvWq6sJaPTuFa2lCwdpTYIuI4Fxxt9X21ecUmI3BeemTI1fFv"
        + "ECuqBG/feOW2zE37wdcv0jlJUXgZSgpKivJCP0IT9lkglk8oFCe2xD/Dnf+1woDRFcSL3CwvcTy4szuZm+8zwij1GooH3MYKv24i1EDb3wr5W284KKh88/z2924zRWDvU1v+QKKZHve7KZ3AccZ1fQQgvpvARkCx"
        + "K3UYXVr1URSqFonwrUy0ReJPJcarckkOjh/2dTU7YNu6bD27AFeXG9yoH1xMU1z4kb+Ml+hjGrSi5hnsL1cdQWhICtGgSzNvN/a66W9h7msvVKADovuT8XbBJT7E3uJOO1G7SFq/v53BvEbQ1158BaMvIW3IbVrA"
        + "OiBw6jaVAxOWPT3nt8vh+l8pSFv3ZjGiPLNiw2CU7SAAAAAAH3gXMgIAIQEWAAAAdC/lo+AF2wJYXQAkIjwHCqe5LizkUo40imYUZdLap4Iml2R5kSsBumU7dpLTa3Rb3TKJoDCSGbVCF+YwJtWR0wv/lCl9bcGn"
        + "Y7novNLsRLMR1yIVc8aoEZqswvsSnRfUunwBbNW4VpuM7XDLjUwbZYZG0o7Y1mw9z6Ie+TLchEqXosGBuHvJdSniRlK4OV0EAGqJe7OVTZ7JjuVGshCI9TtEyo7D4EBPiJBcr6qt4/748IBchPaczfdoV7JhIOmf"
        + "r5YFxJL4g87F+KCsHI313SDfgsybMbIgeiQIOmXMIS2NgASB1r4nIQOUfR8hV6IENfGazt+b9DRZHJyu9Xu9Bvw1vxrVQ+vfIsw4vPw2l0PiT6TADt1Dd072cIkdQIQRDyJzOzpcp0VtHERbTqacqf0+ZkLD1xNi"
        + "6RfQdjc9AELL3PRaHCu8evo8IM5UrqE/FKra16uZd149AsPUFtOuv5kbnl9l61iFvqaOy3t5MP6/K55hIeu8OafhGwctkPC64SLxaRngNMEmqElc/ZnUwBgTHqNQkvfftfOoUe/o03Q7vOrllknSBfLaMIoPf5bX"
        + "U40V64bBVYu1AAvUPoZ6MJfNvJ6kWBe0asROv39OGw7DBnv78zWgqgM3y1gVufuX7AHGPk8pEpXIsTbLpeStcJFVDGbsIoeKF8xLEPI2/ucaor9xnkEDGlM8HTm9iTpTd88KZ+k8G8dCVTmWomVSIMblulMgeK8j"
        + "OUiDm7yCtpsa0xn6eRgpiX4VFnlQpIMmtEVCgia6z1BzDhOPr+q2ct5qXaR2dnOzOORhM6E/Qk5tWwAAmQFyxAIAIQEWAAAAdC/lo+AF2wJhXQAwnQAGIaUzYgDIqQg7ECahatBDYaFiHQ32i9dhl0nVoY5d5++r"
        + "AceNXSAsLRuxuqx6mSoUa6pZ3ok9dLe9y6x7Q34H5fpTmLiAiExHiVeuz/LefY/HXHSxsQevwwts1PW2QkS9nSYj9OF2OVYeKZbpjt/eE/wr9VY/YbI8WYiQEMFKXHVZ1eOaSPSCcw6eIbcrt2jlgSbUrSu0RQ0A"
        + "I70TFp+P0eewvmkCRJmaZ0sMHZzim0+0Ti68yrKZ1tpIJE+Ka43/U0E9CQLdQ2RUUnOw9Tq6ZXoWyqm8OilcR2mBpvSw5xgSVnfikGPpA2gVXX1rcKpaiBxW/v6+fLkpdn3pKcbcQhUvH+n+zG/mUvGreipVR4+K"
        + "Evy6kb7kd1W73yJhJ19gbUWqeLw2tlQmLRw7CWbA5UkiMoHiT/mSnFOTmrI5CtyKAXOn/IaBd0s5hdHDmNVmxy1Pa47Vp3MlgfO+xeqv8VwEFbt/Vy4NnFW6TqT409eUlAH97OjD2JqzlQZ0QvL2MwdfUcYySyar"
        + "GqF2DeqpeTq8oRGMwG5hg6vmtkC9jshNebpVTTdYN3db6a+TyU7ZvP6CJCfwqIW4wde+shY58cAIZAq2oLktcn13othqv3Fp7qJFbqDDwBykwF3qupugr4FPm9kyDztxpW56YmuAtGiDy6JXHO2z8iUhcHqDZ21p"
        + "ejKDh1lc2R3ysX1qIAAZgaIyAlE+95qiawgf2DWb0Sc8T2SiGQLowAwJOlImKnuz2utztnKEnRgJ2askIBETdSytf5HuVpWZdd3Bc4yqCDBDtNO8qPzIjtiGUokAAAAATvu37QAEmgXcC6UF3AvwBNwL+QTcCwAA"
        + "0w3/eYYACJYFAAAAAAFZWg==");

    /// <summary><c>lz4 -l -9</c></summary>
    public static byte[] Lz4 { get; } = Convert.FromBase64String(
        "AiFMGCkLAADyAkiJA0iJA+jo6f8A6HAFAAAhCwABBQCCIAsAAOibDQAPAPQWSIkCSIkHdGV4dCB0aGF0IHJlcGVhdHMlSIkE6fYFAADocQYAAEwA9QDpZAkAAP/onv///7rpmARDABEAcAASB2AATwAIAABTAAEw"
        + "6ScKGQDdAOhfBwAA6BoMAAAtdSUAMLvpQXUAnXwJAADodwwAACEAgeihAQAA6ZwJZAAg6RRLAAXbAP0ESIkC6AIOAADovQYAAOj4AgAA/0AADlEAL1AKZwAAEG3zACo2Al4A8AIASIkF6aEDAADonP7//+hXB4UA"
        + "EgEDAF/oCQkAAG4ADxCFAQEl3gE6ARADtAABYwAviQLuAAGPswoAAGrp7QYcAABCSEiJBngBT+7ojAg9AAEDYwDR6S7////oKQwAAOgkDTgBP+hcDK0AEULpdQgAIQIeAn4AQIkE6BZnASqRDCUBUgZIiQa3EQBg"
        + "dv3//+ixKwFgrAgAAOnnMQIv4gPLAAEBQgI/6cYKlgARP0iJBRQAAIAG6IgHAADpgwUAI34FkwAh6fRzAqIG6awHAABl6KYJgQIQHrgAIVkF3ADxAenRCAAAmEiJBEiJBUjoxATtAoXpvPz//+h3BqcBMwRIiVIA"
        + "EeITAV8Dr+nZBK0AADCX6ELvAAEqAGD4CgAA6PNJABAuCAEv6Qv5AAIUA6YBJOiIbgIe9coBECxHAC+nAVkDBKQOCAAAPejI/P//iwMPDQIAFCkVASDoX48AIhoC1wMikgAIACLKABwBEEJqAJT9AgAA6TgLAADV"
        + "AxIsOgBgZf///+ng2ABTWwsAAEG7AAH/AoKKCAAA6IUDACcDEQYbAA2FADDc6aOGAGEeAAAA6VmvAB4EXAIP8wEAn/lIiQXoaP///1oABhP5dwARw1YAUQa6Leg5qQEgBDmdAAG9ABEo8QECDQASEKMBcJUDAADf"
        + "6Q8fA9/K+///6MX///+s7+h+2wEBEMMMASLkCS4BENwhARAXCgQPjgACBGcAIen0IwQWBiADEA0+ABGeygBBBX7oFXUBgwdIiQCT6IkFDACuBOh+AwAA6fn+/74EguljBgAA6Z4HhgCPFv7//zXokACuAAAv6ToS"
        + "BAIvpP1VAAAg6M7XASLJB1MFEAEJARD8BQAfN3YEAS/oYRYAAWHpSwMAAJ3iAEBH6D/63wAWB9wCEAHlBK7p+f//6aQEAADBPgAvTQAcAwMg6fQUAxCvPQRlavn//+ilkQUQW5wDEJZ0AiMR/0gCHgasABD1JgAQ"
        + "cNICEOsFABAmsQER4WgBHgSFAGGI/P//6UPuBrYAQ+h6BwAAJuk0BjQCD0sGECPF/P0DIOh7UwEvdgErAQEQoJUAg5sEAACJ6NUFYAVvBOiK/P//GAUBAk8AEmwdAiDo5F4EMh8EAGgFfgCaWoPoUQLQAA84BQQP"
        + "ZAEBHwZ4AQFxtem7AwAAxJsAD0sEACNe++cADosFA3YGL+k7zgYCEKVjAWBg+v//6BvJABGWYQWVkPf//5BIiQeVsgiP/vj//+n5AQBzARFwEvv//+3pTJIAEQd4AvABBOg/BAAAq+j5+v//nlvocu0ED78BApDw"
        + "N+hV9///6NCXBhHLXAUwAekDpgIQfqIAEPkXABA0sQAkrwBPBhTluQc/6VsB/AMFIunAiAUg6HjrBBCzRgCvbvr//xzo6P7//6kBAVXoD/n//2AGEILKAOa9/P//I+m3BAAA9uix+PcEAN4AJaH/fQEYAngHMAfo"
        + "x+sAEUJNABACzAAR914EFQWZCRSntwEg6J34ABCYrQIQE1cDBYsILgQSngAQcScAdGz4///oJ/jbBiXd9TYAIASmawBkDPb//+jHFgAw6f0EQAYR/dcATzyQ6W52BAIQGOYBEhOvACDoyxACEsa9BQ97BQEfAs8C"
        + "FCMFPoADAOIALzYEUAgTMAfojMAAEAfUAR/CrAACEOx1ChAnIAAUIvYKMegY9dABwukQ/P//3OiK////nP4AL3/9ywMDQEiJB17oASKf+6gCgBf8//8rQekQfAAzCwMAugcebVICEK7NABCpvgEQpIgAEJ8xACSa"
        + "9s0BAEADP+iL+XQAABHNJgQQAj4CEStgAA/tAwEyBeiPyQAi6Ee4BQ+AAAAS8yEAFub4AzIG6FkuAGHoUfX//z5nAhACHwtdggEAAMRDAB+RJwQDBEUEBg0AH+lpCgISbTEHAScAEMJ1ACPc9eYCTwTpEfQ1AgNw"
        + "6bjz///osxQDEe5DAyEH4YoGNgbpH74CHQE3ADBl6UBlBoB7/f//P/notPsDFC/4AkPn6aT/2wYgBMIEAQBABCPpkDoJEIg2BBQDogYB9gYyBOhzBQNP6ev7/4wMES8E834CAXEu9f//J+goHgM/B+mg6wEBBn0L"
        + "RAPof/0bAhD1vwQmsP2tAxAVVQdQ3/f//9lPARDWSwQV0RYEAR4OAMABP+m9+GMAASPnAKQCHweDCwMwB+mFKgEewM0HCO8BAgUAENvwAy9W+pwFBTbo+/fyAQ95BxABVAAvB/QZAQVS6Ozw///+AQ5wCg9QAAUA"
        + "lwQidP+fBGGs8P//6OdqAg/cAAkQSQwFHoCgAQkAASKg+NsAERgQBjAF6dCgARDLZgUnxvoJBiS59NgIJujusQIUBQgAAMkCX9bz//8YzgAQIC70gAwExgJv6B/2//+A1A0EAMYBgX/1//8H6DnyMwEi6PFrAwJr"
        + "BlOk9P///H4AEFh4BE+T8f//SAADD28EBBQBTwkRVQYAENEdAxBOzAQmifKKBsAy6fvv///e6y7oc/HAAwVUDR8kmQICE475BxAGvQcVAf4CEHfaAhQyPAAg6GgNA3Jj/v//6R72ggEQltYBD2ICFCHq72cEIOni"
        + "tAJ1nfr//+nY8aEBAEQAMM3oh2EAJELvcAAQOI4AL7Pv+AMRD9AOAlB4+///7+0EFC9pAE8F6ST1TwAAQgzoje5LAmCF9f//6QABARF7QAMxA+lzNQQDvhEkJvGcACWc8UAFFNExCA+aCAAmtfZTDgC5AR/PLQoB"
        + "BF8ANFnpBvkLPge+hJAFVij2///lbAgPOgoEEEsgAhP9tgB/dfP//+lw+jsFEhKJRgkRcUYAHYsgABSJxBEPsQoEYMr6///KD34DL0DtwAMFDz4HAQ5EBgJVBxC6fgYQdWEC4rDt//8+6Kr1//+g6eTx2QBi3O//"
        + "/+lXlwZx6M/0///pyr8AAFkDsui/7f//6fr5//8IrQEQ7wYBIqr3/gVQYvT//yJDAHCZ8P//6unTZwAQTooDH8liBgFFNugy998FFu33BiDpG8cCIpb1JQIpTvoDBi9/9QEBARBpSQAj5O0RAjEH6RnLADAB6ZEY"
        + "AKSM8P//6Yfr//8UwAQf0NQCAgZlABCaqwKDlff//1boj+z7AEYF6IT3rAYwHui2PwFicfr//w6ONQAQ5V0DYKDs///pWzMEFdaRChSMqQICeQQPsQ0Ecell7v//6GDZBI8EggLpVvL//xMNEiDoLJ0EL6frIAkD"
        + "P+jO8KsPARH4aAARBgMAMAHpKqkBUmX0//+oywB22vH//+kV8ZMBX0iJB0v3GgQRMwLoXt0DL5bqwAACQwHo/fN7ADAF6PI8BiJt7UQMz2X2//9U6d/q///oWrkFAR8HuAcNAF0AwCD3///f6Zru///WpL4FXpDy"
        + "//9VOQBdOez//9YXABAhIAIQXscBYBns///oVAUAFU/HAS8F63oCARDvZgkoquukAg9zBgEQlhYDIwPx+gAAhgQh6LWAA1Xs//9m6EAAH5PkAAQQCR8DJIT18QQObAAPHQYEUGF0c+hN");

    /// <summary>Code-like bytes with calls and jumps, among them nested and overlapping ones, which the x86 filter treats specially.</summary>
    public static byte[] Plain(int length)
    {
        var bytes = new List<byte>();
        var random = 12345;
        while (bytes.Count < length)
        {
            random = unchecked((random * 1103515245) + 12345) & 0x7FFFFFFF;
            switch ((random >> 16) % 8)
            {
                case var kind and < 3:
                    var target = ((random >> 8) % 64 * 64) - bytes.Count - 5;
                    bytes.Add((byte)(kind > 0 ? 0xE8 : 0xE9));
                    bytes.AddRange(BitConverter.GetBytes(target));
                    break;
                case < 5:
                    bytes.AddRange([0x48, 0x89, (byte)((random >> 9) & 7)]);
                    break;
                case < 6:
                    bytes.AddRange([0xE8, 0xE8, 0xE9, 0xFF, 0x00]);
                    break;
                case < 7:
                    bytes.AddRange("text that repeats"u8);
                    break;
                default:
                    bytes.Add((byte)(random >> 20));
                    break;
            }
        }

        return [.. bytes.Take(length)];
    }
}
